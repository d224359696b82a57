"""People and clusters at the worst moment: between check and merge, out of order, out of date."""

from collections.abc import Callable

import pytest

from bot.sandbox.demo.site import DEPLOY, ORDER
from tests.fakes.faults import BEFORE, Faults
from tests.fakes.world import World
from tests.stories.laws import (
    REVIEWED,
    WAVES,
    begin,
    converge,
    hold,
    number_of,
    page,
)
from tests.stories.test_who_may import CANARY, team

on_each = pytest.mark.parametrize("world", ["github", "gitlab"], indirect=True)
on_gitlab = pytest.mark.parametrize("world", ["gitlab"], indirect=True)
FOLDER = "clusters/{}/apps/shop/storefront/{}/"
CANARIES = WAVES[:3]
SURPRISE = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: surprise, namespace: shop}\n"


def merging(faults: Faults, number: int, act: Callable[[], object]) -> None:
    """Let somebody do something just before the bot's merge reaches the forge."""
    faults.add("PUT", f"/{number}/merge$", kind=BEFORE, act=act)
    faults.add("merge", f"/{number}$", kind=BEFORE, act=act)


def force(world: World, branch: str, files: dict[str, bytes | None]) -> str:
    """Rita pushes another commit in place of the branch's; the commit."""
    return world.rita.replace_head(DEPLOY, branch, files, "Mine")


@on_each
async def test_a_head_that_is_replaced_just_before_the_merge_is_not_merged(
    world: World, faults: Faults
) -> None:
    await begin(world)
    number, branch = number_of(world, "canary.2"), "switchyard/storefront/canary.2"
    ours, theirs = world.rita.request(DEPLOY, number)["head"], []
    merging(faults, number, lambda: theirs.append(force(world, branch, {"README.md": b"Mine"})))

    await hold(world, ["canary.1"])
    told = f"the branch has commit {theirs[0][:8]} by Rita, which Switchyard did not create"
    assert world.reasons("canary.2")[0] == told
    assert told in await page(world)
    assert world.rita.request(DEPLOY, number)["head"] == theirs[0], "nobody overwrites it"
    world.rita.reset(DEPLOY, branch, ours)
    await converge(world)
    assert len(world.rita.requests(DEPLOY, "all")) == len(WAVES)


async def test_main_moves_by_another_file_just_before_the_merge(
    world: World, faults: Faults
) -> None:
    await begin(world)

    def otto_pushes() -> None:
        world.otto.push(DEPLOY, "main", {"README.md": b"What clusters pull, all.\n"}, "Word it")

    merging(faults, number_of(world, "canary.2"), otto_pushes)
    await converge(world)
    assert len(world.rita.requests(DEPLOY, "all")) == len(WAVES)


async def test_main_moves_by_a_file_of_the_same_unit_just_before_the_merge(
    world: World, faults: Faults
) -> None:
    await begin(world)
    file = FOLDER.format("one", "cart") + "deployment-cart.yaml"

    def otto_pushes() -> None:
        world.otto.push(DEPLOY, "main", {file: SURPRISE}, "By hand")

    merging(faults, number_of(world, "canary.2"), otto_pushes)
    await hold(world, ["canary.1"])
    told = "waits for 1 approval: it overwrites a change by Otto"
    assert world.reasons("canary.2") == [told]
    assert told in await page(world)
    assert "surprise" in world.deployed("one", "cart")

    world.rita.approve(DEPLOY, number_of(world, "canary.2"))
    await world.settle()
    await converge(world, reviewed=["canary.2"])
    assert "kind: Deployment" in world.deployed("one", "cart")


async def test_main_moves_by_a_new_file_beside_it_just_before_the_merge(
    world: World, faults: Faults
) -> None:
    """The forge can merge that; what is too much goes by another merge request, once approved."""
    await begin(world)
    file = FOLDER.format("one", "cart") + "extra.yaml"

    def otto_pushes() -> None:
        world.otto.push(DEPLOY, "main", {file: SURPRISE}, "By hand")

    merging(faults, number_of(world, "canary.2"), otto_pushes)
    await hold(world, ["canary.1", "canary.2"])
    assert world.reasons("canary.2") == ["waits for 1 approval: it overwrites a change by Otto"]
    world.rita.approve(DEPLOY, number_of(world, "canary.2"))
    await world.settle()
    await converge(world, ("canary.1", "canary.2", *WAVES[1:]))
    removal = world.otto.requests(DEPLOY, "all")[-1]
    assert "1 deleted" in removal["body"]


async def approved(world: World) -> None:
    """The canary's waves, held back by a label on the first; Rita approved them all."""
    world.post.holding = True
    await begin(world, REVIEWED)
    world.post.holding = False
    await world.sweep()
    assert world.merged() == []
    world.rita.label(DEPLOY, number_of(world, "canary.1"), "switchyard/hold", present=True)
    for wave in CANARIES:
        world.rita.approve(DEPLOY, number_of(world, wave))
    await world.settle()
    assert world.reasons("canary.1") == ["held by label switchyard/hold"]


def let_go(world: World) -> None:
    world.otto.label(DEPLOY, number_of(world, "canary.1"), "switchyard/hold", present=False)


def withdraw(world: World, *numbers: int) -> None:
    for number in numbers:
        world.rita.withdraw(DEPLOY, number)


async def test_an_approval_is_read_again_in_the_pass_that_merges(
    world: World, faults: Faults
) -> None:
    await approved(world)
    number = number_of(world, "canary.1")
    faults.add("reviews", f"/{number}$", kind=BEFORE, act=lambda: withdraw(world, number))
    let_go(world)

    await hold(world, [])
    assert "waits for 1 approval: clusters with canary=true" in world.reasons("canary.1")
    world.rita.approve(DEPLOY, number)
    await world.settle()
    await converge(world, reviewed=CANARIES)


async def test_an_approval_withdrawn_after_that_holds_whatever_comes_later(
    world: World, faults: Faults
) -> None:
    await approved(world)
    first, second = number_of(world, "canary.1"), number_of(world, "canary.2")
    merging(faults, first, lambda: withdraw(world, first, second))
    let_go(world)

    await hold(world, ["canary.1"])
    told = "waits for 1 approval: clusters with canary=true"
    assert told in world.reasons("canary.2")
    assert told in await page(world)
    world.rita.approve(DEPLOY, second)
    await world.settle()
    await converge(world, reviewed=["canary.2", "canary.3"])


async def test_who_approved_and_lost_the_role_since_has_approved_nothing(world: World) -> None:
    await approved(world)
    roles = world.site.made.forge.repositories[DEPLOY].roles
    del roles["rita"]
    let_go(world)
    await world.settle()
    for _ in range(3):
        await world.advance(30)
        assert world.merged() == []
    (reason,) = world.reasons("canary.1")
    assert "waits for 1 approval" in reason
    assert "rita lacks role write" in await page(world)

    roles["rita"] = "write"
    await world.sweep()
    await converge(world, reviewed=CANARIES)


@on_each
async def test_who_approved_and_left_the_team_since_has_approved_nothing(world: World) -> None:
    team(world, "rita")
    world.post.holding = True
    await begin(world, f"{{approvals: [{{{CANARY}, teams: [edge/approvers]}}]}}")
    world.post.holding = False
    await world.sweep()
    for wave in CANARIES:
        world.rita.approve(DEPLOY, number_of(world, wave))
    team(world)
    await world.settle()

    await hold(world, [])
    assert "waits for 1 approval" in world.reasons("canary.1")[0]
    team(world, "rita")
    await world.sweep()
    await converge(world, reviewed=CANARIES)


async def test_a_later_wave_that_an_admin_merges_out_of_order_is_not_merged_again(
    world: World,
) -> None:
    await begin(world)
    number = number_of(world, "rest.1")
    head = world.otto.request(DEPLOY, number)["head"]
    fields = {"context": ORDER, "state": "success", "description": "I know better", "url": ""}
    world.otto.set_status(DEPLOY, head, fields)
    world.otto.merge(DEPLOY, number)
    await world.settle()

    assert world.merged() == ["canary.1", "rest.1"]
    assert world.wave("rest.1").merge_request is None
    assert world.wave("rest.1").state in {"settling", "done"}
    assert world.wave("rest.2").state == "waiting"
    await converge(world, aside=["rest.1"])
    assert sorted(world.merged()) == sorted(WAVES)
    assert len(world.rita.requests(DEPLOY, "all")) == len(WAVES)


async def test_a_merge_request_that_a_person_closes_stays_closed(world: World) -> None:
    await begin(world)
    number = number_of(world, "canary.2")
    world.rita.set_state(DEPLOY, number, "closed")

    await hold(world, ["canary.1"])
    assert world.reasons("canary.2")[0] == f"rita closed merge request {number}"
    world.rita.set_state(DEPLOY, number, "open")
    await converge(world)
    assert len(world.rita.requests(DEPLOY, "all")) == len(WAVES)


@on_gitlab
async def test_a_commit_that_a_person_adds_to_a_branch_is_kept_and_not_merged(
    world: World,
) -> None:
    await begin(world)
    number, branch = number_of(world, "canary.2"), "switchyard/storefront/canary.2"
    ours = world.rita.request(DEPLOY, number)["head"]
    theirs = world.rita.push(DEPLOY, branch, {"README.md": b"Mine\n"}, "Mine")

    await hold(world, ["canary.1"])
    assert theirs[:8] in world.reasons("canary.2")[0]
    assert world.rita.request(DEPLOY, number)["head"] == theirs
    world.rita.reset(DEPLOY, branch, ours)
    await converge(world)
