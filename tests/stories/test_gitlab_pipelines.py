"""GitLab lets a merge request merge by its head pipeline alone: the order has to stand there."""

from urllib.parse import quote

import httpx
import pytest

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.dialects import TOKENS
from tests.fakes.gitlab.pipelines import MERGE_REQUEST, MERGED_RESULTS
from tests.fakes.world import World, small_app, small_fleet

pytestmark = pytest.mark.parametrize("world", ["gitlab"], indirect=True)
EVERY = ["canary.1", "canary.2", "canary.3"]


async def merge_by_hand(world: World, wave: str) -> int:
    """Rita presses the button; what GitLab answers."""
    found = next(
        each for each in world.rita.requests(DEPLOY) if each["source_branch"].endswith(wave)
    )
    path = f"/api/v4/projects/{quote(DEPLOY, safe='')}/merge_requests/{found['number']}/merge"
    fields = {"merge_commit_message": "Now", "squash_commit_message": "Now"}
    headers = {"private-token": TOKENS["rita"]}
    async with httpx.AsyncClient(base_url=world.gitlab.web, headers=headers) as client:
        return (await client.put(path, json=fields)).status_code


@pytest.mark.parametrize("ci", ["", MERGE_REQUEST, MERGED_RESULTS])
async def test_nobody_merges_a_wave_before_its_turn(world: World, ci: str) -> None:
    world.gitlab.pipelines.ci = ci
    world.found(small_fleet(("one",)))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    assert world.merged() == ["canary.1"]
    assert await merge_by_hand(world, "canary.2") == 405
    await world.finish()
    assert world.merged() == EVERY


async def test_a_pipeline_that_starts_later_gets_the_order_too(world: World) -> None:
    world.found(small_fleet(("one",)))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    world.gitlab.pipelines.ci = MERGED_RESULTS
    for found in world.gitlab.forge.requests_of(DEPLOY, "open"):
        world.gitlab.pipelines.notice(found)
    await world.settle()

    assert await merge_by_hand(world, "canary.2") == 405
    await world.finish()
    assert world.merged() == EVERY


async def test_another_branch_at_the_same_commit_does_not_take_the_status(world: World) -> None:
    world.found(small_fleet(("one",)))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    for found in world.gitlab.forge.requests_of(DEPLOY, "open"):
        world.gitlab.forge.git.restore(DEPLOY, f"a-copy-{found.number}", found.head)
        world.gitlab.pipelines.start(DEPLOY, f"a-copy-{found.number}", found.head, "push")

    await world.finish()
    assert world.merged() == EVERY
