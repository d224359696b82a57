"""A merge request that is not there is looked for a few times, as new ones are found late."""

from datetime import timedelta

import pytest

from bot.sandbox.demo.site import APP
from bot.store.keys import review_key
from bot.worker.worker import BACKOFF
from planners.model import Repo
from tests.fakes.world import World, small_fleet


@pytest.mark.parametrize("repository", [APP, "shop/renamed-away"])
async def test_a_request_that_is_gone_ends_its_key(world: World, repository: str) -> None:
    world.found(small_fleet(("one",)))
    await world.settle()
    queue = world.context.store.queue
    key = review_key(Repo(world.context.fleet.forge, repository), 4711)
    queue.trigger([key], world.now)

    for wait in BACKOFF:
        await world.settle()
        [kept] = [each for each in queue.waiting(100) if each.key == key]
        assert kept.last_error is not None
        assert "404" in kept.last_error
        world.now += timedelta(seconds=wait)
    await world.settle()

    assert key not in {each.key for each in queue.waiting(100)}
