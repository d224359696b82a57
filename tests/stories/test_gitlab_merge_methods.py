"""Projects of GitLab that merge by fast-forward, or with a linear history, or in their own way."""

import pytest

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.gitlab.pipelines import MERGED_RESULTS
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.test_forges import APPROVED, wave_request

pytestmark = pytest.mark.parametrize("world", ["gitlab"], indirect=True)
SIX = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]


@pytest.mark.parametrize(
    ("method", "squash", "ci"),
    [("ff", "always", MERGED_RESULTS), ("rebase_merge", "never", "")],
)
async def test_six_waves_merge_without_a_person(
    world: World, method: str, squash: str, ci: str
) -> None:
    world.gitlab.merge_method, world.gitlab.squash_option = method, squash
    world.gitlab.pipelines.ci = ci
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    await world.finish()

    assert world.merged() == SIX
    assert len(world.rita.requests(DEPLOY, "all")) == 6
    git = world.forge.git.open(DEPLOY)
    merges = [
        each for each in git.walk(git.references["refs/heads/main"].target) if each.parents[1:]
    ]
    assert len(merges) == (0 if method == "ff" else 6)


async def test_an_approval_stays_while_a_branch_is_rebuilt(world: World) -> None:
    world.gitlab.merge_method = "ff"
    world.found(small_fleet(("one",), policy=APPROVED))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    for wave in SIX[:3]:
        world.rita.approve(DEPLOY, wave_request(world, wave)["number"])

    await world.finish()

    assert world.merged() == SIX[:3]
