"""The whole loop on each forge: what people see and do is the same everywhere."""

from typing import Any

import pytest

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.laws import notices

FORGES = ("github", "gitlab", "github+gitlab", "local")
pytestmark = pytest.mark.usefixtures("git_over_http")
on_each = pytest.mark.parametrize("world", FORGES, indirect=True)
APPROVED = "{approvals: [{clusters: {matchLabels: {canary: 'true'}}, count: 1}]}"


async def merged(world: World, branch: str, **images: str) -> int:
    """Ada's merge request, opened and merged; its number."""
    world.ada.push(APP, branch, small_app(**images), f"Change {branch}")
    number = world.ada.open(APP, branch, f"Change {branch}")
    await world.settle()
    world.ada.merge(APP, number)
    await world.settle()
    return number


def wave_request(world: World, wave: str) -> dict[str, Any]:
    found = world.rita.requests(DEPLOY)
    return next(each for each in found if each["source_branch"].endswith(wave))


@on_each
async def test_plan_merge_roll_out_update(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    world.ada.push(APP, "shop", small_app(), "Open the shop")
    number = world.ada.open(APP, "shop", "Open the shop")
    await world.settle()
    assert "changes 3 of 3 clusters in 6 waves" in world.home(number)
    assert world.ada.statuses(APP, world.ada.request(APP, number)["head"])["switchyard/plan"]

    world.ada.merge(APP, number)
    await world.settle()
    assert world.merged() == ["canary.1"]
    waiting = wave_request(world, "canary.2")
    told = world.rita.statuses(DEPLOY, waiting["head"])["switchyard/order"]
    assert told["state"] == "pending"
    assert "waits for redis to be Ready" in told["description"]
    await world.finish()
    assert world.merged() == ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]
    await world.advance(60)  # texts wait first where a forge's limits are near
    assert "rolled out: 3 clusters ready" in world.home(number)

    await merged(world, "update", cart="2.0.0")
    await world.finish()
    assert ":2.0.0" in world.deployed("three", "cart")
    assert len(world.rita.requests(DEPLOY, "all")) == 8


@pytest.mark.parametrize("world", FORGES[:2], indirect=True)
async def test_approval_hold_and_a_closed_merge_request(world: World) -> None:
    world.found(small_fleet(policy=APPROVED))
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    number = await merged(world, "shop")
    assert world.merged() == []
    assert "waits for 1 approval" in world.home(number)
    first = wave_request(world, "canary.1")
    (asked,) = notices(world, first["number"], DEPLOY)
    assert asked.startswith("`canary.1` is ready to merge once a reviewer who neither wrote nor")
    assert notices(world, wave_request(world, "canary.2")["number"], DEPLOY) == []
    world.rita.label(DEPLOY, first["number"], "switchyard/hold", present=True)
    world.rita.approve(DEPLOY, first["number"])
    await world.settle()
    assert world.reasons("canary.1") == ["held by label switchyard/hold"]

    world.rita.label(DEPLOY, first["number"], "switchyard/hold", present=False)
    await world.settle()
    assert world.merged() == ["canary.1"]
    second = wave_request(world, "canary.2")
    world.rita.set_state(DEPLOY, second["number"], "closed")
    await world.advance(10)
    assert "rita closed merge request" in world.reasons("canary.2")[0]
    assert notices(world, first["number"], DEPLOY) == [asked]
    (closed,) = notices(world, number)
    assert closed.startswith("`canary.2`: `rita` closed merge request")


@pytest.mark.parametrize("world", ["github+gitlab"], indirect=True)
async def test_lost_webhooks_and_a_lost_database_delay_and_lose_nothing(world: World) -> None:
    world.found(small_fleet())
    await world.settle()
    world.deaf = True
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    assert world.merged() == []

    world.deaf = False
    await world.sweep()
    assert world.merged() == ["canary.1"]
    await world.lose_database()
    for cluster in world.clusters.values():
        for applied in cluster.applied.values():
            applied.last_report = ("", "")
    await world.sweep()
    await world.finish()

    assert len(world.rita.requests(DEPLOY, "all")) == 6
