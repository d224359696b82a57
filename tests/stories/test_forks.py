"""Merge requests from forks: nothing is planned until somebody who may write here asks."""

import pytest

from bot.sandbox.demo.site import APP
from tests.fakes.forks import move_fork, propose_from_fork
from tests.fakes.world import World, manifest, small_app, small_fleet

on_each = pytest.mark.parametrize("world", ["github", "gitlab"], indirect=True)
EVIL: dict[str, bytes | None] = {"deploy/web/deployment.yaml": manifest("web", "9.9.9")}


def ask(world: World, number: int, who: str = "ada") -> None:
    """Name the head that stands now."""
    head = world.ada.request(APP, number)["head"]
    text = f"Looks fine.\r\n\r\n/switchyard plan {head}\r\n"
    world.person(who).comment(APP, number, text)


async def from_fork(world: World) -> int:
    """A fork's merge request beside an application that is on its way."""
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    number = propose_from_fork(world, EVIL)
    await world.settle()
    return number


@on_each
async def test_nothing_is_planned_until_a_maintainer_asks(world: World) -> None:
    number = await from_fork(world)
    assert "comes from a fork" in world.home(number)
    assert "9.9.9" not in world.home(number)

    ask(world, number, "mallory")
    await world.settle()
    assert "comes from a fork" in world.home(number)
    ask(world, number)
    await world.settle()

    assert "9.9.9" in world.home(number)
    seen = world.github.reactions if hasattr(world, "github") else world.gitlab.awards
    assert [name for which, name in seen if which == seen[0][0]] == ["eyes", "rocket"]


@on_each
async def test_what_was_asked_for_one_head_is_not_done_for_the_next(world: World) -> None:
    number = await from_fork(world)
    ask(world, number)
    await world.settle()
    move_fork(world, number, {"deploy/web/deployment.yaml": manifest("web", "6.6.6")})
    await world.settle()
    for _ in range(2):
        await world.sweep()
        assert "its head is not the commit that `ada` named" in world.home(number)
        assert "6.6.6" not in world.home(number)

    ask(world, number)
    await world.settle()
    assert "6.6.6" in world.home(number)


@on_each
async def test_a_push_before_the_request_is_read_is_not_planned(world: World) -> None:
    """The maintainer reviews one commit; the fork has another when the comment arrives."""
    number = await from_fork(world)
    reviewed = world.ada.request(APP, number)["head"]
    move_fork(world, number, {"deploy/web/deployment.yaml": manifest("web", "6.6.6")}, say=False)
    moved = world.ada.request(APP, number)["head"]
    for commit in ("", reviewed, moved[:12]):
        world.ada.comment(APP, number, f"/switchyard plan {commit}")
        await world.settle()
        await world.sweep()

        assert "its head is not the commit that `ada` named" in world.home(number)
        assert "6.6.6" not in world.home(number)


@pytest.mark.parametrize("world", ["github"], indirect=True)
async def test_the_status_says_what_a_fork_waits_for(world: World) -> None:
    number = await from_fork(world)

    told = world.ada.statuses(APP, world.ada.request(APP, number)["head"])["switchyard/plan"]

    assert told["state"] == "pending"
    assert "someone with role write must request" in told["description"]
