"""Repositories and branches that get another name in the middle of a rollout."""

from collections.abc import Sequence

import pytest

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.faults import Faults
from tests.fakes.renames import Renamed
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.laws import WAVES, begin, check, converge, page

pytestmark = pytest.mark.usefixtures("git_over_http")
on_each = pytest.mark.parametrize("world", ["github", "gitlab"], indirect=True)
NEW = "fleet/moved"


async def sweeps(world: World, waves: Sequence[str] = WAVES, times: int = 60) -> None:
    """Webhooks name the new repository, which nobody registered: what is left is the sweep."""
    for _ in range(times):
        await world.advance(3)
        await world.sweep()
        check(world, waves)
        if len(world.merged()) == len(waves) and world.view().done:
            return


@on_each
async def test_the_new_name_of_a_renamed_deploy_repo_is_asked_for(
    world: World, faults: Faults, renamed: Renamed
) -> None:
    await begin(world)
    renamed.to = NEW
    world.deaf = True
    await sweeps(world, times=4)
    assert world.merged() == ["canary.1"]
    told = await page(world)
    if hasattr(world, "github"):
        assert "the repository was renamed or moved; use its new name" in told
    else:
        assert f"writes its new name in the fleet repo: {NEW}" in told
    fleet = small_fleet()
    text = fleet["applications/storefront.yaml"]
    assert text is not None
    place = next(iter(world.places.values()))
    moved = world.placed(text).replace(f"{place}:{DEPLOY}".encode(), f"{place}:{NEW}".encode())
    world.describe({"applications/storefront.yaml": moved})

    anew = ["canary.1", *WAVES]
    await sweeps(world, anew)
    assert world.merged() == anew, "agents know the deploy repo by its path: their objects change"
    assert world.view().done
    del faults


@pytest.mark.parametrize(
    ("world", "repository"), [("github", DEPLOY), ("gitlab", APP)], indirect=["world"]
)
async def test_a_default_branch_that_becomes_trunk(world: World, repository: str) -> None:
    await begin(world)
    forge = world.site.made.forge
    head = forge.git.head(repository, "main")
    assert head is not None
    forge.git.restore(repository, "trunk", head)
    rules = forge.repositories[repository]
    rules.default_branch, rules.protected = "trunk", ["trunk"] if rules.protected else []
    if repository == DEPLOY:
        world.main = "trunk"
        for each in forge.requests_of(repository, "open"):
            each.target = "trunk" if hasattr(world, "github") else each.target
    assert forge.git.delete(repository, "main", head)
    await world.sweep()

    await converge(world)
    if repository == APP:
        world.ada.push(APP, "trunk", small_app(cart="2.0.0"), "Update the cart")
        await world.settle()
        await converge(world, (*WAVES, "canary.2", "rest.2"))
