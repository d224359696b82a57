"""GitHub's merge queue: waves enter in their order, and what it tests has the order's status."""

import pytest

from bot.forges import ORDER
from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.github import queue
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.test_forges import wave_request
from tests.stories.test_up_to_date import SIX

pytestmark = pytest.mark.parametrize("world", ["github"], indirect=True)


PASSED = {"context": "ci", "state": "success", "description": "", "url": ""}


async def begin(world: World, checks: tuple[str, ...] = ()) -> None:
    world.github.rulesets[DEPLOY] = [{"type": "merge_queue"}]
    world.forge.repositories[DEPLOY].required_statuses.extend(checks)
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    for each in world.rita.requests(DEPLOY):
        for check in checks:
            world.otto.set_status(DEPLOY, each["head"], {**PASSED, "context": check})
    await world.advance(15)


async def test_six_waves_merge_through_the_queue(world: World) -> None:
    await begin(world)

    await world.finish()

    assert world.merged() == SIX


async def test_a_wave_in_the_queue_waits_for_the_checks(world: World) -> None:
    await begin(world, ("ci",))
    assert world.merged() == []
    (reason,) = world.reasons("canary.1")
    assert "in GitHub's merge queue" in reason
    (entry,) = world.github.entries

    world.otto.set_status(DEPLOY, entry.trial, PASSED)
    queue.advance(world.github)
    await world.settle()

    assert world.merged() == ["canary.1"]


async def test_a_wave_that_somebody_enqueues_early_is_not_merged(world: World) -> None:
    await begin(world, ("ci",))
    second = wave_request(world, "canary.2")
    node = f"PR_{DEPLOY}_{second['number']}"
    otto = world.forge.users["otto"]

    queue.enter(world.github, otto, node, second["head"])
    await world.settle()

    trials = [each.trial for each in world.github.entries]
    told = [world.otto.statuses(DEPLOY, trial)[ORDER]["state"] for trial in trials]
    assert told == ["success", "pending"]


async def test_a_wave_that_fails_in_the_queue_is_tried_again(world: World) -> None:
    await begin(world, ("ci",))
    (entry,) = world.github.entries
    world.otto.set_status(DEPLOY, entry.trial, {**PASSED, "state": "failure"})
    queue.advance(world.github)
    assert world.github.entries == []

    await world.advance(30)

    (again,) = world.github.entries
    assert again.request.number == wave_request(world, "canary.1")["number"]
