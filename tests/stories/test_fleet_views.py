"""Views made of the fleet repo: made anew where something changed, not for each hint."""

from bot.report.model import FLEETS, FleetView
from bot.worker.dispatch import publish_fleet
from tests.fakes.world import World, small_fleet


def made(world: World) -> int:
    """How often the views were compared with what the fleet repo says."""
    return world.context.results.lookups()["published", False]


async def test_views_of_the_fleet_are_made_once_for_a_revision(world: World) -> None:
    world.found(small_fleet(("one", "two")))
    for _ in range(5):
        await publish_fleet(world.context)

    assert made(world) == 2  # to write them, and to see them there
    found = world.context.store.views.load(FLEETS, "")
    assert found is not None
    assert [each.name for each in found.clusters] == ["one", "two"]


async def test_views_that_somebody_else_wrote_are_mended(world: World) -> None:
    world.found(small_fleet(("one", "two")))
    views = world.context.store.views
    await publish_fleet(world.context)
    await publish_fleet(world.context)
    right = views.load(FLEETS, "")

    for before in (FleetView("older"), None, right):
        if before is None:
            views.drop(views.keys(""))
        else:
            views.save(FLEETS, "", before)
        await publish_fleet(world.context)
        assert views.load(FLEETS, "") == right
