"""What forges answer on bad days, beyond test_faults: limits, doubts, twins, texts too long."""

import json

import pytest

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.faults import BEFORE, Faults
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.laws import WAVES, begin, check, converge, hold, number_of, page

on_each = pytest.mark.parametrize("world", ["github", "gitlab"], indirect=True)
on_github = pytest.mark.parametrize("world", ["github"], indirect=True)
on_gitlab = pytest.mark.parametrize("world", ["gitlab"], indirect=True)
STATUS, MERGE = ("POST", "/statuses/"), ("PUT", "/merge$")
OPEN = ("POST", "/(pulls|merge_requests)$")
EVER = 10**6
LONGEST = 65_536
PRIMARY = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795176180"}  # 12:03 that day
PRIMARY_WORDS = "API rate limit exceeded for installation ID 11."
SECONDARY_WORDS = "You have exceeded a secondary rate limit. Please wait a few minutes."
FULL = "This SHA and context has reached the maximum number of statuses."


def said(words: str) -> bytes:
    return json.dumps({"message": words}).encode()


@pytest.mark.parametrize(
    ("world", "status", "headers", "words", "seconds"),
    [
        ("github", 403, PRIMARY, PRIMARY_WORDS, 180),
        ("github", 403, {}, SECONDARY_WORDS, 60),
        ("github", 429, {}, SECONDARY_WORDS, 60),
        ("gitlab", 429, {}, "Too Many Requests", 60),
    ],
    indirect=["world"],
)
async def test_at_a_limit_nothing_is_sent_until_it_ends(
    world: World,
    faults: Faults,
    *,
    status: int,
    headers: dict[str, str],
    words: str,
    seconds: int,
) -> None:
    await begin(world)
    faults.add(*STATUS, status=status, headers=headers, body=said(words))
    await world.advance(3)
    assert "limits until 12:0" in await page(world)
    calls = len(faults.asked)
    await world.advance(seconds - 4)
    assert len(faults.asked) == calls, "nothing is sent before the limit ends"

    await world.advance(4)
    assert len(faults.asked) > calls
    await converge(world)


@on_each
async def test_the_forge_does_not_know_for_a_while_whether_it_can_merge(
    world: World, faults: Faults
) -> None:
    refused = faults.add(*MERGE, status=405, body=said("405 Method Not Allowed"), times=EVER)
    doubts(world, True)
    await begin(world)
    for _ in range(4):
        await world.advance(5)
        assert world.merged() == []
    told = [*world.reasons("canary.1"), await page(world)]
    assert any("refused the merge" in each or "still checking" in each for each in told), told
    assert refused.happened <= 6, "it does not hammer on the door"

    doubts(world, False)
    refused.times = 0
    await converge(world)
    assert len(world.rita.requests(DEPLOY, "all")) == len(WAVES)


def doubts(world: World, there: bool) -> None:
    """Whether the forge still works out what can be merged."""
    if hasattr(world, "github"):
        world.github.unsure = there
    else:
        world.gitlab.checking = dict.fromkeys(range(1, 20), EVER if there else 0)


@on_gitlab
async def test_not_found_just_after_it_was_made_on_gitlab(world: World, faults: Faults) -> None:
    lost = faults.add("GET", r"merge_requests/\d+/approvals$", status=404, times=3)

    await begin(world)
    await converge(world)

    assert lost.happened == 3
    assert len(world.rita.requests(DEPLOY, "all")) == len(WAVES)


async def test_a_branch_of_that_name_is_there_already(world: World) -> None:
    world.found(small_fleet())
    await world.settle()
    theirs = world.rita.push(DEPLOY, "switchyard/storefront/canary.2", {"note": b"!"}, "Mine")
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    await hold(world, ["canary.1"])
    assert world.site.made.forge.git.head(DEPLOY, "switchyard/storefront/canary.2") == theirs
    assert "by Rita, which Switchyard did not create" in " ".join(world.reasons("canary.2"))
    world.site.made.forge.git.delete(DEPLOY, "switchyard/storefront/canary.2", theirs)
    await world.sweep()
    await converge(world)


@on_each
async def test_somebody_opened_a_merge_request_of_that_branch_first(
    world: World, faults: Faults
) -> None:
    def rita_opens() -> None:
        world.rita.open(DEPLOY, "switchyard/storefront/canary.1", "Mine")

    first = faults.add(*OPEN, kind=BEFORE, act=rita_opens)
    await begin(world)
    assert first.happened == 1
    (hers,) = [each for each in world.rita.requests(DEPLOY) if each["title"] == "Mine"]
    assert hers["body"] == ""

    await hold(world, [])
    told = f"rita opened merge request {hers['number']} from Switchyard's branch"
    assert told in world.reasons("canary.1")[0]
    assert told in await page(world)
    world.rita.set_state(DEPLOY, hers["number"], "closed")
    await converge(world)


@on_each
async def test_its_own_merge_request_was_opened_and_is_not_listed_yet(
    world: World, faults: Faults
) -> None:
    """The forge says that there is one; that one is taken for what it is."""
    path = {"github": "deploy/pulls$", "gitlab": "deploy/merge_requests$"}
    name = "github" if hasattr(world, "github") else "gitlab"
    empty = faults.add("GET", path[name], body=b"[]", status=200, times=2)

    await begin(world)
    await converge(world)

    assert empty.happened == 2
    assert len(world.rita.requests(DEPLOY, "all")) == len(WAVES)


async def test_its_own_merge_request_that_lost_its_mark_gets_it_again(world: World) -> None:
    await begin(world)
    number = number_of(world, "canary.2")
    world.rita.edit(DEPLOY, number, "Mine", "Somebody wrote over it.")
    await world.settle()

    assert "<!-- switchyard:wave" in world.rita.request(DEPLOY, number)["body"]
    await converge(world)
    assert len(world.rita.requests(DEPLOY, "all")) == len(WAVES)


async def test_a_forge_that_refuses_for_days_is_asked_now_and_then(world: World) -> None:
    required = world.site.made.forge.repositories[DEPLOY].required_statuses
    required.append("security/scan")
    await begin(world)
    for _ in range(16):
        await world.advance(3 * 3601)
        assert world.merged() == []
    assert world.reasons("canary.1")[0].startswith("the forge refused the merge: ")
    assert [each.quarantined for each in world.context.store.queue.waiting(10)] == [None]

    required.remove("security/scan")
    await world.advance(601)
    await converge(world)


BATCHES = b"- {name: rest, maxAtOnce: 1}"


@on_github
async def test_the_comment_of_a_plan_for_many_clusters_is_not_too_long(
    world: World, faults: Faults
) -> None:
    clusters = tuple(f"a-cluster-with-quite-a-long-name-in-region-{n:03}" for n in range(250))
    world.found(small_fleet(clusters))
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    files = small_app()
    assert files["switchyard.yaml"] is not None
    files["switchyard.yaml"] = files["switchyard.yaml"].replace(b"- {name: rest}", BATCHES)
    world.ada.push(APP, "shop", files, "Open the shop")
    number = world.ada.open(APP, "shop", "Open the shop")
    await world.settle()

    home = world.home(number)
    assert "changes 250 of 250 clusters in 750 waves" in home
    assert len(home) <= LONGEST
    assert "more waves" in home
    assert [each.last_error for each in world.context.store.queue.waiting(10)] == []
    del faults


@on_github
async def test_a_commit_that_takes_no_more_statuses_stops_nothing(
    world: World, faults: Faults
) -> None:
    world.site.made.forge.repositories[DEPLOY].required_statuses.clear()
    full = faults.add(*STATUS, status=422, body=said(FULL), times=EVER)

    await begin(world)
    await converge(world)

    assert full.happened > 0


@on_github
async def test_a_required_status_that_cannot_be_set_any_more_is_said(
    world: World, faults: Faults
) -> None:
    await begin(world)
    faults.add(*STATUS, status=422, body=said(FULL), times=EVER)
    await hold(world, ["canary.1"])
    (reason,) = world.reasons("canary.2")
    assert reason.startswith("the forge refused the merge: rejected by GitHub: ")
    assert 'Required status check "switchyard/order" is pending' in reason

    world.site.made.forge.repositories[DEPLOY].required_statuses.clear()
    await world.advance(600)
    await converge(world)
    check(world)


async def test_a_list_of_comments_that_is_behind_brings_no_second_plan_comment(
    world: World, faults: Faults
) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", {"README.md": b"The shop.\n"}, "Begin")
    world.ada.push(APP, "open", small_app(), "Open the shop")
    number = world.ada.open(APP, "open", "Open the shop")

    await world.settle()
    faults.add("comments", f"^{APP}/", status=200, body=b"[]")
    await world.sweep()

    assert "storefront" in world.home(number)
