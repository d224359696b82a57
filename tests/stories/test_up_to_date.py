"""A forge that merges only branches that contain main's head: Switchyard rebuilds them itself."""

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.test_forges import wave_request

SIX = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]
APPROVED = "{approvals: [{clusters: {matchLabels: {tier: edge}}, count: 1}]}"


def pushes(world: World) -> int:
    deeds = world.context.store.audit.of("application/storefront", 1000)
    return sum(each.kind == "push" for each in deeds)


async def test_every_wave_merges_with_its_approval(world: World) -> None:
    world.memory.up_to_date_only = True
    world.found(small_fleet(policy=APPROVED))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    for wave in SIX:
        world.rita.approve(DEPLOY, wave_request(world, wave)["number"])

    await world.finish()

    assert world.merged() == SIX
    assert pushes(world) == 6 + 5, "each branch once, and each but the first once more"


async def test_an_approval_of_other_content_does_not_count(world: World) -> None:
    world.memory.up_to_date_only = True
    world.found(small_fleet(policy=APPROVED))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    world.rita.approve(DEPLOY, wave_request(world, "canary.1")["number"])
    world.rita.approve(DEPLOY, wave_request(world, "canary.2")["number"])
    world.ada.push(APP, "main", small_app(cart="2.0.0"), "Change cart")

    await world.settle()

    assert world.merged() == ["canary.1"]
    assert any("approval by rita is outdated" in each for each in world.reasons("canary.2"))
