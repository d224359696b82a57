"""A process that stood still for longer than its lease adds a plan comment beside another one."""

from bot.sandbox.demo.site import APP, BOT
from tests.fakes.hands import Hand
from tests.fakes.world import World, manifest
from tests.stories.test_change import installed


async def test_a_second_plan_comment_becomes_a_pointer_to_the_first(world: World) -> None:
    await installed(world)
    files = {"deploy/web/deployment.yaml": manifest("web", "2.0.0")}
    world.ada.push(APP, "new-web", files, "New web")
    number = world.ada.open(APP, "new-web", "New web")
    await world.settle()
    Hand(BOT, world.forge).comment(APP, number, world.home(number))

    files = {"deploy/web/deployment.yaml": manifest("web", "2.0.1")}
    world.ada.push(APP, "new-web", files, "Newer web")
    await world.settle()

    assert "web:2.0.1" in world.home(number)
    last = world.ada.comments(APP, number)[-1]["body"]
    assert last == "The plan of `storefront` is in an earlier comment on this merge request."
