"""What people merge with the forge's own button is what the bot proposed, if nothing was added."""

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.faults import Faults
from tests.fakes.world import World, small_app
from tests.stories.laws import WAVES, begin, converge, number_of
from tests.stories.test_faults_of_people import merging


async def test_what_a_person_merged_unchanged_needs_no_approval_to_be_overwritten(
    world: World, faults: Faults
) -> None:
    """The merge commit is Otto's and has no trailers; the commit that it merges has them."""
    await begin(world)
    number, merged = number_of(world, "canary.2"), list[str]()
    merging(faults, number, lambda: merged.append(world.otto.merge(DEPLOY, number)))
    await converge(world)
    assert merged, "the bot was not the first to merge"

    world.ada.push(APP, "main", small_app(cart="2.0.0"), "Renew the cart")
    await world.settle()
    await world.advance(60)
    assert world.merged()[len(WAVES) :] == ["canary.2", "rest.2"]
