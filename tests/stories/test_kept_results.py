"""Law 18 in the whole service: what is kept of Git, documents and drafts is what is made anew."""

from bot.sandbox.demo.site import APP
from tests.fakes.world import World, small_app, small_fleet


async def test_every_kept_result_of_a_rollout_equals_a_new_one(world: World) -> None:
    world.context.results.verify = True
    world.found(small_fleet(("one", "two")))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    await world.finish()

    world.ada.push(APP, "main", small_app(cart="2.0.0"), "Update cart")
    world.describe(small_fleet(("one", "two"), policy="{mergeMethod: merge}"))
    await world.settle()
    await world.finish()

    assert "image: registry.example.com/cart:2.0.0\n" in world.deployed("one", "cart")
    assert not world.view().problems
