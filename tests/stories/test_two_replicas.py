"""Two replicas: each writes what the forge lacks, not what it wrote last itself."""

from datetime import timedelta

import pytest

from bot.forges import ORDER
from bot.sandbox.demo.site import APP, DEPLOY
from bot.worker.reconcile import reconcile_application
from planners.gating.dependencies import HOLD_LABEL
from tests.fakes.faults import Faults
from tests.fakes.world import World, close, small_app, small_fleet

pytestmark = pytest.mark.parametrize("world", ["github"], indirect=True)


async def test_the_order_status_follows_the_gates_whoever_wrote_it_last(
    world: World, faults: Faults
) -> None:
    world.found(small_fleet())
    faults.add("PUT", "/merge$", status=405, body=b'{"message": "Merging is blocked"}', times=99)
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    first = world.context
    world.start_bot()
    second = world.context
    request = next(
        each for each in world.rita.requests(DEPLOY) if each["source_branch"].endswith("/canary.1")
    )
    number, head = request["number"], request["head"]

    async def state() -> str:
        found = await second.forges["github"].statuses(DEPLOY, head)
        return next(each.state.value for each in found if each.context == ORDER)

    seen = []
    for context, held in ((first, True), (second, False), (first, True), (second, True)):
        world.rita.label(DEPLOY, number, HOLD_LABEL, present=held)
        world.now += timedelta(minutes=11)
        await reconcile_application(context, "storefront")
        seen.append(await state())
    await close(first)

    assert seen == ["pending", "success", "pending", "pending"]
