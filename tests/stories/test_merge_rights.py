"""A bot that may not merge: the wave says why, and merges as soon as it may."""

import pytest

from bot.sandbox.demo.site import APP
from tests.fakes.world import World, small_app, small_fleet

on_gitlab = pytest.mark.parametrize("world", ["gitlab"], indirect=True)


@on_gitlab
async def test_a_bot_without_the_right_to_merge_says_so(world: World) -> None:
    world.gitlab.allowed_to_merge = "maintain"
    world.found(small_fleet(("one",)))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    assert world.merged() == []
    (reason,) = world.reasons("canary.1")
    assert (
        "Switchyard's user is not allowed to merge into main; a maintainer can allow it" in reason
    )

    world.gitlab.allowed_to_merge = "write"
    await world.finish()
    assert world.merged() == ["canary.1", "canary.2", "canary.3"]


@on_gitlab
async def test_what_the_project_asks_for_besides_is_waited_for(world: World) -> None:
    world.gitlab.held[1] = "discussions_not_resolved"
    world.found(small_fleet(("one",)))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    assert world.merged() == []
    (reason,) = world.reasons("canary.1")
    assert "threads are not resolved; those who take part resolve them" in reason

    del world.gitlab.held[1]
    await world.finish()
    assert world.merged() == ["canary.1", "canary.2", "canary.3"]
