"""From a first push to a fleet that runs it."""

import pytest

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import World, small_app, small_fleet

pytestmark = pytest.mark.parametrize("world", ["local"], indirect=True)
ALL_WAVES = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]


async def test_a_push_becomes_ordered_merges_and_ready_clusters(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")

    await world.settle()
    requests = world.rita.requests(DEPLOY)
    assert [each["source_branch"].rpartition("/")[2] for each in requests] == ALL_WAVES[1:]
    assert world.merged() == ["canary.1"]

    await world.finish()
    assert world.merged() == ALL_WAVES
    assert {unit.readiness for unit in world.view().units} == {"READY"}
    assert "image: registry.example.com/web:1.0.0" in world.deployed("three", "web")


async def test_nothing_merges_before_what_it_needs_is_ready(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")

    await world.settle()

    assert world.reasons("canary.2") == ["cart waits for redis to be Ready on one (progressing)"]
    head = world.rita.requests(DEPLOY)[0]["head"]
    order = world.rita.statuses(DEPLOY, head)["switchyard/order"]
    assert order["state"] == "pending"
    assert order["description"].startswith("cart waits for redis to be Ready on one (")

    world.behave("one", silent=True)
    await world.advance(61)
    order = world.rita.statuses(DEPLOY, head)["switchyard/order"]
    assert order["description"] == world.reasons("canary.2")[0], "a minute later, word for word"


async def test_a_finished_rollout_is_left_alone(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.finish()
    before = world.log()

    await world.sweep()
    await world.advance(60)

    assert world.log() == before
    assert world.rita.requests(DEPLOY) == []
