"""Nobody approves alone what they had a hand in: every way of having a hand in a change.

Each way ends with a revision of the app repo that ada had a hand in, and rita had not. Then ada
approves, which must not be enough; then rita, which must be.
"""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from bot.effects.push import BOT as AUTHOR
from bot.forges import MAX_COMMIT_RANGE, CommitRange, Contributors
from bot.gather.repository import fetch
from bot.sandbox.demo.site import APP, BOT, DEPLOY
from planners.model import Repo
from tests.fakes.hands import Hand
from tests.fakes.world import World, manifest, small_app, small_fleet
from tests.stories.test_forges import wave_request

Way: TypeAlias = Callable[[World], None]

CANARY = "{approvals: [{clusters: {matchLabels: {canary: 'true'}}, count: 1}]}"
SHOP = small_app()
MORE: dict[str, bytes | None] = {"deploy/web/deployment.yaml": manifest("web", "2.0.0")}
NOTES: dict[str, bytes | None] = {"NOTES.md": b"Notes.\n"}
EVERYWHERE = ("memory", "github", "gitlab")


def set_up(world: World) -> None:
    """A fleet whose canary needs an approval; everybody may do everything but administrate."""
    world.found(small_fleet(policy=CANARY))
    for repository in (DEPLOY, APP):
        for who in ("ada", "otto", "rita"):
            world.forge.repositories[repository].roles[who] = "maintain"
    world.otto.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")


async def begin(world: World) -> None:
    """The fleet, read by the bot once."""
    set_up(world)
    await world.settle()


def merged(branch: str, *, opens: Hand, merges: Hand, target: str = "main") -> None:
    """A merge request of a branch, opened and merged."""
    number = opens.open(APP, branch, f"Merge {branch}", target=target)
    merges.merge(APP, number)


def by_otto(world: World, branch: str = "shop") -> None:
    merged(branch, opens=world.otto, merges=world.otto)


def writes_opens(world: World) -> None:
    world.ada.push(APP, "shop", SHOP, "Shop")
    merged("shop", opens=world.ada, merges=world.otto)


def writes_alone(world: World) -> None:
    world.ada.push(APP, "shop", SHOP, "Shop")
    by_otto(world)


def only_opens(world: World) -> None:
    world.otto.push(APP, "shop", SHOP, "Shop")
    merged("shop", opens=world.ada, merges=world.otto)


def only_merges(world: World) -> None:
    world.otto.push(APP, "shop", SHOP, "Shop")
    merged("shop", opens=world.otto, merges=world.ada)


def pushes_to_main(world: World) -> None:
    world.ada.push(APP, "main", SHOP, "Shop")


def pushes_to_main_as_another(world: World) -> None:
    world.ada.push(APP, "main", SHOP, "Shop", claims="otto")


def pushes_the_work_of_another_to_main(world: World) -> None:
    sha = world.otto.push(APP, "shop", SHOP, "Shop")
    world.ada.reset(APP, "main", sha)


def merges_a_request_by_a_push(world: World) -> None:
    sha = world.otto.push(APP, "shop", SHOP, "Shop")
    world.otto.open(APP, "shop", "Shop")
    world.ada.reset(APP, "main", sha)


def pushes_to_the_branch_of_another(world: World) -> None:
    world.otto.push(APP, "shop", SHOP, "Shop")
    world.ada.push(APP, "shop", MORE, "More")
    by_otto(world)


def pushes_to_the_branch_of_another_as_that_one(world: World) -> None:
    world.otto.push(APP, "shop", SHOP, "Shop")
    world.ada.push(APP, "shop", MORE, "More", claims="otto")
    by_otto(world)


def pushes_below_the_work_of_another_as_that_one(world: World) -> None:
    world.ada.push(APP, "shop", SHOP, "Shop", claims="otto")
    world.otto.push(APP, "shop", MORE, "More")
    by_otto(world)


def pushes_into_an_open_request_as_its_author(world: World) -> None:
    world.otto.push(APP, "shop", SHOP, "Shop")
    number = world.otto.open(APP, "shop", "Shop")
    world.ada.push(APP, "shop", MORE, "More", claims="otto")
    world.otto.merge(APP, number)


def rewrites_the_branch_of_another_as_that_one(world: World) -> None:
    world.otto.push(APP, "shop", NOTES, "Notes")
    world.ada.replace_head(APP, "shop", SHOP, "Shop", claims="otto")
    by_otto(world)


def pushes_through_a_branch_of_another_name(world: World) -> None:
    sha = world.ada.push(APP, "scratch", SHOP, "Shop", claims="otto")
    world.otto.reset(APP, "shop", sha)
    by_otto(world)


def merges_main_into_the_branch_of_another(world: World) -> None:
    world.otto.push(APP, "shop", SHOP, "Shop")
    world.otto.push(APP, "main", NOTES, "Notes")
    world.ada.update_branch(APP, "shop", claims="otto")
    by_otto(world)


def has_a_request_below_that_of_another(world: World) -> None:
    world.otto.push(APP, "shop", NOTES, "Notes")
    world.ada.push(APP, "part", SHOP, "Shop")
    merged("part", opens=world.ada, merges=world.ada, target="shop")
    by_otto(world)


def opens_a_request_below_that_of_another(world: World) -> None:
    world.otto.push(APP, "shop", NOTES, "Notes")
    world.otto.push(APP, "part", SHOP, "Shop")
    merged("part", opens=world.ada, merges=world.otto, target="shop")
    by_otto(world)


def merges_a_request_below_that_of_another(world: World) -> None:
    world.otto.push(APP, "shop", NOTES, "Notes")
    world.otto.push(APP, "part", SHOP, "Shop")
    merged("part", opens=world.otto, merges=world.ada, target="shop")
    by_otto(world)


def opens_a_request_two_below_that_of_another(world: World) -> None:
    world.otto.push(APP, "shop", NOTES, "Notes")
    world.otto.push(APP, "part", {"PART.md": b"Part.\n"}, "Part")
    world.otto.push(APP, "piece", SHOP, "Shop")
    merged("piece", opens=world.ada, merges=world.otto, target="part")
    merged("part", opens=world.otto, merges=world.otto, target="shop")
    by_otto(world)


def pushes_to_a_branch_that_stays_as_another(world: World) -> None:
    world.otto.push(APP, "develop", NOTES, "Notes")
    by_otto(world, "develop")
    world.ada.push(APP, "develop", SHOP, "Shop", claims="otto")
    by_otto(world, "develop")


def writes_what_another_pushes(world: World) -> None:
    world.otto.push(APP, "shop", SHOP, "Shop", claims="ada")
    by_otto(world)


def writes_part_of_what_another_pushes(world: World) -> None:
    world.otto.push(
        APP,
        "shop",
        SHOP,
        "Shop\n\nCo-authored-by: Ada <{noreply}>".format(noreply=noreply(world, "ada")),
    )
    by_otto(world)


def has_an_earlier_commit_that_is_not_deployed(world: World) -> None:
    world.ada.push(APP, "main", NOTES, "Notes")
    world.otto.push(APP, "shop", SHOP, "Shop")
    by_otto(world)


def has_an_earlier_commit_that_is_reverted(world: World) -> None:
    world.ada.push(APP, "main", NOTES, "Notes")
    world.otto.push(APP, "main", {"NOTES.md": None}, "Revert")
    world.otto.push(APP, "shop", SHOP, "Shop")
    by_otto(world)


def has_another_login_since(world: World) -> None:
    world.ada.push(APP, "shop", SHOP, "Shop")
    by_otto(world)
    world.rename("ada", "ada-lovelace")


WAYS: tuple[Way, ...] = (
    writes_opens,
    writes_alone,
    only_opens,
    only_merges,
    pushes_to_main,
    pushes_to_main_as_another,
    pushes_the_work_of_another_to_main,
    merges_a_request_by_a_push,
    pushes_to_the_branch_of_another,
    pushes_to_the_branch_of_another_as_that_one,
    pushes_below_the_work_of_another_as_that_one,
    pushes_into_an_open_request_as_its_author,
    rewrites_the_branch_of_another_as_that_one,
    pushes_through_a_branch_of_another_name,
    merges_main_into_the_branch_of_another,
    has_a_request_below_that_of_another,
    opens_a_request_below_that_of_another,
    merges_a_request_below_that_of_another,
    opens_a_request_two_below_that_of_another,
    pushes_to_a_branch_that_stays_as_another,
    writes_what_another_pushes,
    writes_part_of_what_another_pushes,
    has_an_earlier_commit_that_is_not_deployed,
    has_an_earlier_commit_that_is_reverted,
    has_another_login_since,
)


APPROVED = (
    pushes_to_main_as_another,
    only_opens,
    merges_main_into_the_branch_of_another,
    has_a_request_below_that_of_another,
    writes_part_of_what_another_pushes,
    has_an_earlier_commit_that_is_not_deployed,
    has_an_earlier_commit_that_is_reverted,
    has_another_login_since,
)
"""One way of each kind; the others are told by the same function of a forge."""


def noreply(world: World, login: str) -> str:
    """The address of a user that the forge itself gives out, with the id of the account in it."""
    user = world.forge.users[login]
    return {
        "local": user.email,
        "github": f"{user.id}+{login}@users.noreply.github.com",
        "gitlab": f"{user.id}-{login}@users.noreply.gitlab.com",
    }[world.places[APP]]


def approve(world: World, login: str, *, by_command: bool) -> None:
    """Approve the canary's first wave, by a review or by a command."""
    number = wave_request(world, "canary.1")["number"]
    if by_command:
        world.person(login).comment(DEPLOY, number, "/switchyard approve")
    else:
        world.person(login).approve(DEPLOY, number)


async def outcome(world: World, login: str, *, by_command: bool = False) -> list[str]:
    """The waves that are merged after an approval."""
    approve(world, login, by_command=by_command)
    await world.settle()
    await world.sweep()
    return world.merged()


@pytest.mark.parametrize("way", APPROVED, ids=lambda way: way.__name__)
async def test_nobody_approves_alone_what_they_had_a_hand_in(world: World, way: Way) -> None:
    await begin(world)
    way(world)
    await world.settle()
    ada = login_of_ada(world)

    assert await outcome(world, ada) == []
    (reason,) = world.reasons("canary.1")
    assert f"({ada} wrote or merged the revision)" in reason
    assert await outcome(world, "rita") == ["canary.1"]


def login_of_ada(world: World) -> str:
    (login,) = [each for each in world.forge.users if each.startswith("ada")]
    return login


async def contributors(world: World) -> Contributors:
    """What the forge tells of the head of the app repo while nothing of it is deployed."""
    repo = Repo(world.places[APP], APP)
    app = await fetch(world.context, repo)
    new = app.mirror.new_commits(app.head, (), MAX_COMMIT_RANGE)
    commits = CommitRange("main", app.head, new.parents, new.addresses, new.complete)
    return await world.context.forge(repo).contributors(APP, commits)


@pytest.mark.parametrize("world", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_each_forge_tells_who_had_a_hand_in_a_revision(world: World, way: Way) -> None:
    """What a forge tells of a way differs; what counts is who is named in the end."""
    set_up(world)
    way(world)

    found = await contributors(world)

    accounts = {login: user.id for login, user in world.forge.users.items()}
    assert accounts[login_of_ada(world)] in found.accounts
    assert accounts["rita"] not in found.accounts
    assert found.unattributed == ()


BY_REQUEST = (only_merges, pushes_to_the_branch_of_another_as_that_one, has_another_login_since)


@pytest.mark.parametrize(
    ("world", "way"),
    [
        *(pytest.param("memory", way, id=way.__name__) for way in BY_REQUEST),
        ("github", pushes_to_the_branch_of_another_as_that_one),
        ("gitlab", has_another_login_since),
    ],
    indirect=["world"],
)
async def test_nor_by_a_command(world: World, way: Way) -> None:
    await begin(world)
    way(world)
    await world.settle()

    assert await outcome(world, login_of_ada(world), by_command=True) == []
    assert await outcome(world, "rita", by_command=True) == ["canary.1"]


async def test_who_had_a_hand_in_what_is_deployed_may_approve_what_comes_next(world: World) -> None:
    await begin(world)
    only_merges(world)
    await world.settle()
    for _ in range(3):
        number = wave_request(world, f"canary.{len(world.merged()) + 1}")["number"]
        world.rita.approve(DEPLOY, number)
        await world.advance(5)
    await world.finish()
    world.otto.push(APP, "update", MORE, "Update")
    by_otto(world, "update")
    await world.settle()
    before = world.merged()

    number = wave_request(world, "canary.3")["number"]
    world.ada.approve(DEPLOY, number)
    await world.advance(5)

    assert len(world.merged()) > len(before)


@pytest.mark.parametrize("world", EVERYWHERE, indirect=True)
async def test_a_change_that_switchyard_proposed_has_no_author_without_an_account(
    world: World,
) -> None:
    """Its commits carry an address that is nobody's."""
    await begin(world)
    bot = world.person(BOT)
    bot.push(APP, "intent", SHOP, "Scale", claims=AUTHOR.email)
    merged("intent", opens=bot, merges=world.otto)
    await world.settle()

    assert await outcome(world, "rita") == ["canary.1"]


def unknown_address(world: World) -> None:
    world.ada.push(APP, "shop", SHOP, "Shop", claims="somebody@nowhere.invalid")
    by_otto(world)


def unverified_address(world: World) -> None:
    world.own.unverified.add("ada@example.com")
    world.ada.push(APP, "shop", SHOP, "Shop")
    by_otto(world)


def push_of_many_branches(world: World) -> None:
    world.ada.push(APP, "shop", SHOP, "Shop", claims="otto")
    world.own.bulk.add(world.forge.updates(APP)[-1].number)
    by_otto(world)


def push_that_is_not_recorded(world: World) -> None:
    """Such as one from before the forge kept records."""
    world.ada.push(APP, "shop", SHOP, "Shop", claims="otto")
    world.forget_pushes(APP)
    by_otto(world)


def push_to_a_fork(world: World) -> None:
    """A maintainer may push to the fork of another, where nobody here sees it."""
    world.ada.push(APP, "shop", SHOP, "Shop", claims="otto")
    world.forget_pushes(APP)
    number = world.otto.open(APP, "shop", "Shop")
    world.own.forks[APP, number] = "otto/storefront"
    world.otto.merge(APP, number)


NO_PUSH = "the forge does not tell who pushed it"
NOT_TOLD = [
    pytest.param("github", unknown_address, "belongs to no GitHub account"),
    pytest.param("github", unverified_address, "belongs to no GitHub account"),
    pytest.param("github", push_that_is_not_recorded, NO_PUSH),
    pytest.param("github", push_to_a_fork, NO_PUSH),
    pytest.param("gitlab", unknown_address, "belongs to no GitLab account"),
    pytest.param("gitlab", unverified_address, "belongs to no GitLab account"),
    pytest.param("gitlab", push_of_many_branches, NO_PUSH),
    pytest.param("gitlab", push_that_is_not_recorded, NO_PUSH),
]


@pytest.mark.parametrize(("world", "way", "said"), NOT_TOLD, indirect=["world"])
async def test_each_forge_tells_that_an_author_is_unknown(
    world: World, way: Way, said: str
) -> None:
    set_up(world)
    way(world)

    found = await contributors(world)

    assert any(said in each.reason for each in found.unattributed)


HELD = [
    pytest.param("memory", push_that_is_not_recorded, NO_PUSH),
    pytest.param("github", unknown_address, "belongs to no GitHub account"),
    pytest.param("gitlab", push_of_many_branches, NO_PUSH),
    pytest.param("github+gitlab", only_merges, "accounts on github, approvals are given on gitlab"),
]


@pytest.mark.parametrize(("world", "way", "said"), HELD, indirect=["world"])
async def test_while_some_author_is_unknown_no_approval_counts(
    world: World, way: Way, said: str
) -> None:
    await begin(world)
    way(world)
    await world.settle()

    assert await outcome(world, "rita") == []
    reason = world.reasons("canary.1")[0]
    assert reason.startswith("approvals do not count, since any approver could be an author")
    assert said in reason
    assert "/switchyard override approval" in world.wave("canary.1").gates[0].remedy

    world.forge.repositories[DEPLOY].roles["rita"] = "admin"
    number = wave_request(world, "canary.1")["number"]
    command = '/switchyard override approval canary.1 --reason "read every commit"'
    world.rita.comment(DEPLOY, number, command)
    await world.settle()
    assert world.merged() == ["canary.1"]


async def test_an_approval_by_command_is_of_the_account_not_of_the_login(world: World) -> None:
    """Rita approves and gives her login up, and somebody else takes it."""
    await begin(world)
    writes_opens(world)
    await world.settle()
    number = wave_request(world, "canary.1")["number"]
    world.otto.label(DEPLOY, number, "switchyard/hold", present=True)
    approve(world, "rita", by_command=True)
    await world.settle()
    world.rename("rita", "rita-moved")
    world.forge.create_user("rita", "token-of-another-rita")
    world.forge.repositories[DEPLOY].roles |= {"rita": "maintain", "rita-moved": "read"}
    world.otto.label(DEPLOY, number, "switchyard/hold", present=False)
    await world.settle()

    assert world.merged() == []
    (reason,) = world.reasons("canary.1")
    assert "rita-moved lacks role write" in reason
    world.forge.repositories[DEPLOY].roles["rita-moved"] = "write"
    await world.sweep()
    assert world.merged() == ["canary.1"]
