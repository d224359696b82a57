"""Commands that change intent: they open merge requests where people say what they want."""

import re
from datetime import timedelta

import pygit2
import pytest

from bot.sandbox.demo.site import APP, BOT, DEPLOY, FLEET
from tests.fakes.faults import AFTER, Faults
from tests.fakes.world import SWITCHYARD, World, small_app, small_fleet
from tests.stories.test_commands import record, replies, under_way
from tests.stories.test_forges import wave_request

ONE_OF_TWO = SWITCHYARD.replace(
    b"allOf: [{matchLabels: {tier: edge}}]",
    b"anyOf: {select: {matchLabels: {tier: edge}}, count: 2}  # two are enough",
)


async def rolled_out(world: World, document: bytes = SWITCHYARD) -> int:
    """Everything runs; the number of the app merge request."""
    world.found(small_fleet())
    app = {**small_app(), "switchyard.yaml": document}
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    world.ada.push(APP, "shop", app, "Open the shop")
    number = world.ada.open(APP, "shop", "Open the shop")
    await world.settle()
    world.ada.merge(APP, number)
    await world.finish()
    return number


def changed(world: World, repository: str, number: int) -> str:
    """The lines that a merge request changes."""
    repository_itself = world.forge.git.open(repository)
    head = repository_itself[world.otto.request(repository, number)["head"]].peel(pygit2.Commit)
    shown = repository_itself.diff(head.parents[0], head, context_lines=0).patch or ""
    return "\n".join(
        line for line in shown.splitlines() if line[0] in "+-" and line[:3] not in {"+++", "---"}
    )


def sites(world: World) -> list[str]:
    """The clusters that the cart is merged for."""
    head = world.pull()
    assert head is not None
    found = world.agents.files(head)
    return sorted({path.split("/")[1] for path in found if "/storefront/cart/" in path})


@pytest.mark.parametrize("world", ["gitlab", "github+gitlab"], indirect=True)
async def test_g3_an_intent_is_one_merge_request_whatever_breaks_on_the_way(
    world: World, faults: Faults
) -> None:
    number = await under_way(world)
    opening = ("POST", r"fleet(/|%2F)fleet/(pulls|merge_requests)$")
    faults.add(*opening)
    faults.add(*opening, kind=AFTER)
    place = DEPLOY, wave_request(world, "canary.1")["number"]
    if world.places[DEPLOY] != world.places[FLEET]:
        world.rita.comment(*place, "/switchyard drain one --reason disks")
        await world.settle()
        (refused,) = replies(world, place[1], DEPLOY)
        assert "`github:fleet/fleet` is on another forge, where your account is unknown" in refused
        place = APP, number
        world.rita.comment(*place, "/switchyard hold --reason looking")
        await world.settle()
        (refused,) = replies(world, number, APP)
        assert "`gitlab:fleet/deploy` is on another forge, where your account is unknown" in refused
    world.rita.comment(*place, '/switchyard drain one --reason "new disks"')
    await world.settle()
    for _ in range(3):
        await world.advance(60)

    (asked,) = world.otto.requests(FLEET, "all")
    assert asked["source_branch"] == "switchyard/intent/drain-one"
    assert "Requested by `rita` in [a comment](http" in asked["body"]
    assert re.search(rf"{place[0]}/.*/{place[1]}#[a-z]+[-_][0-9]+\)", asked["body"])
    row = record(world, number)[-1]
    assert "`rita` | `drain` | done" in row
    assert "[merge request](<http" in row
    *_, said = replies(world, place[1], place[0])
    assert re.search(
        r"fleet/fleet[!#]1\]\(http.*\) is open. The change takes effect when it is merged", said
    )

    world.site.made.forge.repositories[FLEET].roles[BOT] = "read"
    world.otto.comment(*place, "/switchyard drain two --reason disks")
    for _ in range(3):
        await world.advance(60)
    *_, refused = replies(world, place[1], place[0])
    assert "fleet/fleet`; allow it to push branches" in refused


async def test_who_may_not_is_refused_and_what_is_asked_already_is_found(world: World) -> None:
    number = await under_way(world)
    world.ada.comment(APP, number, "/switchyard drain two --reason disks")
    world.rita.comment(APP, number, "/switchyard drain two --reason disks")
    world.rita.comment(APP, number, "/switchyard drain two --reason otherwise")
    world.rita.comment(APP, number, "/switchyard drain six --reason disks")
    world.rita.comment(APP, number, "/switchyard undrain three")
    world.rita.comment(APP, number, '/switchyard freeze one --until 2h --reason "a sale"')
    await world.settle()

    denied, opened, again, unknown, undrained, frozen = replies(world, number)
    assert "`drain` requires role `write` on `local:fleet/fleet`; you have role `read`" in denied
    assert "fleet/fleet!1](http" in opened
    assert "is open. The change takes effect when it is merged" in opened
    assert "fleet/fleet!1](http" in again
    assert "is already open and stays as it is" in again
    assert "unknown cluster `six`" in unknown
    assert "`three` is not drained: its document says maintenance `none`" in undrained
    assert "fleet/fleet!2](http" in frozen
    titles = [each["title"] for each in world.otto.requests(FLEET)]
    assert titles == ["Drain cluster two", "Freeze name in (one) until 2026-11-20 14:00 UTC"]

    document = small_fleet()["clusters/two.yaml"]
    assert document is not None
    world.describe({"clusters/two.yaml": b"# In the cellar.\n" + document})
    for asked in (1, 2):
        world.otto.merge(FLEET, asked)
    world.rita.comment(APP, number, "/switchyard drain two --reason again")
    world.rita.comment(APP, number, "/switchyard freeze one --until 1h --reason more")
    world.rita.comment(APP, number, "/switchyard unfreeze")
    await world.settle()

    *_, drained, already, over = replies(world, number)
    assert "the document of `two` already says that it is drained" in drained
    assert "is already frozen until `2026-11-20T14:00:00Z` by `one-20261120-1400`" in already
    assert "fleet/fleet!3](http" in over
    assert "frozen by one-20261120-1400 until 2026-11-20 14:00 UTC" in str(
        world.reasons("canary.1")
    )
    world.otto.merge(FLEET, 3)
    await world.settle()
    assert "frozen" not in str(world.reasons("canary.1"))
    git = world.site.made.forge.git
    tip = git.head(FLEET, "main")
    assert tip is not None
    drained = git.file(FLEET, tip, "clusters/two.yaml") or ""
    assert drained.encode() == b"# In the cellar.\n" + document.replace(
        b"flux}", b"flux, maintenance: drained}"
    )
    policies = git.entries(FLEET, tip, "policies") or []
    assert [each.name for each in policies] == ["default.yaml"]


async def test_an_exception_goes_with_its_time_and_a_drained_cluster_is_left(world: World) -> None:
    number = await rolled_out(world, ONE_OF_TWO)
    assert sites(world) == ["one", "three"]
    world.ada.comment(APP, number, "/switchyard place cart --add two --for 1h --reason x")
    world.ada.comment(APP, number, "/switchyard place redis --add one --for 1h --reason x")
    world.ada.comment(APP, number, "/switchyard place redis cart --add two --for 1h --reason fair")
    world.ada.comment(APP, number, "/switchyard scale web 5 --on three --reason busy")
    world.ada.comment(APP, number, "/switchyard place web --add tow --reason x")
    await world.settle()

    alone, there, added, scaled, wrong = replies(world, number)
    assert "redis is not placed on two: place it there too" in alone
    assert "`redis` is already placed on `one`" in there
    assert "shop/storefront!2](http" in added
    assert "shop/storefront!3](http" in scaled
    assert "switchyard.yaml:23:13: unknown cluster 'tow' (did you mean 'two'?)" in wrong
    begun = world.now + timedelta(hours=1)
    assert changed(world, APP, 2) == (
        "+  exceptions:\n    - components: [redis, cart]\n      add: [two]\n"
        f'      until: "{begun:%Y-%m-%dT%H:%M:%SZ}"\n      reason: fair'
    ).replace("\n", "\n+")
    assert "changes 1 of 3 clusters in 2 waves" in world.home(2)

    world.ada.merge(APP, 2)
    await world.settle()
    await world.finish()
    assert sites(world) == ["one", "three", "two"]
    world.ada.comment(APP, 2, "/switchyard place redis cart --add two --for 2h --reason more")
    await world.settle()
    assert (
        "already an exception at `switchyard.yaml:22:7`: `by an exception until"
        in replies(world, 2)[-1]
    )
    await world.advance((begun - world.now).total_seconds())
    await world.finish()
    assert sites(world) == ["one", "three"]
    assert "the exception for redis, cart has expired: delete it" in world.home(2)

    world.rita.comment(APP, 2, "/switchyard drain one --reason disks")
    await world.settle()
    world.otto.merge(FLEET, 1)
    await world.settle()
    await world.finish()
    assert sites(world) == ["three", "two"]
