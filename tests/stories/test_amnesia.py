"""The database is deleted in the middle of a rollout."""

import pytest

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import World, small_app, small_fleet

pytestmark = pytest.mark.parametrize("world", ["local"], indirect=True)
ALL_WAVES = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]


async def test_a_lost_database_costs_no_second_merge_request(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    await world.advance(3)
    assert world.merged() == ["canary.1", "canary.2"]

    await world.lose_database()
    for cluster in world.clusters.values():
        for applied in cluster.applied.values():
            applied.last_report = ("", "")
    await world.sweep()
    await world.finish()

    assert world.merged() == ALL_WAVES
    assert len(world.rita.requests(DEPLOY, "all")) == len(ALL_WAVES)
