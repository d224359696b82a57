"""A forge that refuses Switchyard's branches: the wave says so, and goes on when it may."""

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import World, small_app, small_fleet

BRANCH = "switchyard/storefront/canary.1"


async def test_a_refused_push_is_the_reason_why_a_wave_waits(world: World) -> None:
    world.found(small_fleet(("one",)))
    protected = world.forge.repositories[DEPLOY].protected
    protected.append(BRANCH)
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    assert world.merged() == []
    (reason,) = world.reasons("canary.1")
    assert reason.startswith("the forge refused the branch: ")
    (gate,) = world.wave("canary.1").gates
    assert "someone changes the forge's rules for pushes" in gate.remedy

    protected.remove(BRANCH)
    await world.advance(15)
    await world.finish()
    assert world.merged() == ["canary.1", "canary.2", "canary.3"]
