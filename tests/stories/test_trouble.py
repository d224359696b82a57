"""Clusters that fail, fall silent or speak of the past; people who push, close, hold and forget."""

from dataclasses import replace

import pytest

from bot.engine.process import PlannerError
from bot.engine.propose import Proposal
from bot.sandbox.demo.site import APP, DEPLOY, FLEET, ORDER
from planners.model.snapshot import Snapshot
from tests.fakes.world import SWITCHYARD, World, small_app, small_fleet
from tests.stories.laws import notices
from tests.stories.test_forges import wave_request

on_local = pytest.mark.parametrize("world", ["local"], indirect=True)
MERGED = ["canary.1"]


async def begun(world: World, policy: str = "{}") -> int:
    """A rollout of Ada's merge request, whose first wave is merged; the number."""
    world.found(small_fleet(policy=policy))
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    world.ada.push(APP, "shop", small_app(), "Open the shop")
    number = world.ada.open(APP, "shop", "Open the shop")
    await world.settle()
    world.ada.merge(APP, number)
    await world.settle()
    return number


async def test_a_failed_cluster_holds_the_rollout_and_is_named(world: World) -> None:
    number = await begun(world)
    world.behave("one", failing=frozenset({"redis"}))

    await world.advance(5)
    await world.advance(60)

    assert world.merged() == MERGED
    assert "held: `redis` failed on `one`; continues " in world.home(number)
    assert "**Repair** `one` (`redis` failed: `health check failed" in world.home(number)
    assert world.wave("canary.2").gates[0].remedy == (
        "when the cluster is repaired, or with a new revision"
    )
    (told,) = notices(world, number)
    assert told.startswith("`one` (`redis` failed: `health check failed after 5m0s")
    await world.lose_database()
    await world.sweep()
    await world.advance(60)
    assert notices(world, number) == [told]
    world.behave("one", failing=frozenset())
    await world.finish()
    assert "rolled out" in world.home(number)
    assert notices(world, number) == [told]


async def test_a_silent_cluster_is_unknown_and_the_wait_is_called_overdue(world: World) -> None:
    number = await begun(world)
    world.behave("one", silent=True)

    await world.advance(9 * 60)
    assert world.merged() == MERGED
    await world.advance(61)

    assert world.merged() == MERGED
    assert world.reasons("canary.2")[0].endswith("overdue)")
    assert "overdue" in world.home(number)
    await world.advance(15 * 60)
    assert {unit.readiness for unit in world.view().units} == {"UNKNOWN", "UNMERGED"}
    assert world.reasons("canary.2")[0].startswith(
        "cart waits for redis to be Ready on one (no report since 12:00:00, overdue)"
    )


async def test_a_report_for_an_old_revision_does_not_count(world: World) -> None:
    await begun(world)
    old = world.log()[-1]["sha"]
    world.behave("one", stuck_at=old)

    await world.advance(30)

    assert world.merged() == MERGED
    assert world.reasons("canary.2") == ["cart waits for redis to be Ready on one (progressing)"], (
        "the last word about the merged revision stands; the later one is about an older"
    )
    assert world.wave("rest.1").state == "waiting"


@on_local
async def test_a_foreign_commit_on_a_branch_is_noticed_and_kept(world: World) -> None:
    await begun(world)
    request = world.rita.requests(DEPLOY)[0]
    branch = request["source_branch"]
    path = "clusters/one/apps/shop/storefront/cart/deployment-cart.yaml"
    theirs = world.rita.push(DEPLOY, branch, {path: b"kind: Surprise\n"}, "Surprise")

    await world.advance(10)

    assert world.merged() == MERGED
    assert world.reasons("canary.2")[0] == (
        f"the branch has commit {theirs[:8]} by Rita, which Switchyard did not create"
    )
    assert world.rita.request(DEPLOY, request["number"])["head"] == theirs


async def test_a_closed_merge_request_stays_closed_until_it_is_reopened(world: World) -> None:
    await begun(world)
    number = world.rita.requests(DEPLOY)[0]["number"]
    world.rita.set_state(DEPLOY, number, "closed")

    await world.advance(30)
    assert world.merged() == MERGED
    assert world.reasons("canary.2")[0] == f"rita closed merge request {number}"
    assert len(world.rita.requests(DEPLOY, "all")) == 6

    world.rita.set_state(DEPLOY, number, "open")
    await world.finish()
    assert len(world.rita.requests(DEPLOY, "all")) == 6


async def test_a_label_holds_a_wave_until_it_is_taken_away(world: World) -> None:
    await begun(world)
    number = world.rita.requests(DEPLOY)[0]["number"]
    world.rita.label(DEPLOY, number, "switchyard/hold", present=True)

    await world.advance(10)
    assert world.reasons("canary.2") == ["held by label switchyard/hold"]

    world.rita.label(DEPLOY, number, "switchyard/hold", present=False)
    await world.settle()
    assert world.merged() == ["canary.1", "canary.2"]


async def test_an_author_cannot_approve_what_the_policy_wants_reviewed(world: World) -> None:
    policy = "{approvals: [{clusters: {matchLabels: {canary: 'true'}}, count: 1}]}"
    await begun(world, policy)
    world.site.made.forge.repositories[DEPLOY].roles["ada"] = "write"
    number = world.rita.requests(DEPLOY)[0]["number"]
    assert world.reasons("canary.1") == ["waits for 1 approval: clusters with canary=true"]

    world.ada.approve(DEPLOY, number)
    await world.settle()
    assert world.merged() == []
    assert world.reasons("canary.1") == [
        "waits for 1 approval: clusters with canary=true (ada wrote or merged the revision)"
    ]

    world.rita.approve(DEPLOY, number)
    await world.settle()
    assert world.merged() == ["canary.1"]


async def test_a_freeze_stops_merges_and_ends_by_itself(world: World) -> None:
    policy = (
        "{freezes: [{name: noon, from: '2026-11-20T12:00:00Z', until: '2026-11-20T12:10:00Z', "
        "reason: lunch}]}"
    )
    await begun(world, policy)
    assert world.merged() == []
    assert world.reasons("canary.1") == ["frozen by noon until 2026-11-20 12:10 UTC: lunch"]

    await world.advance(10 * 60)
    assert world.merged() == ["canary.1"]


async def test_a_change_made_past_switchyard_is_not_overwritten_unasked(world: World) -> None:
    await begun(world)
    await world.finish()
    path = "clusters/two/apps/shop/storefront/web/deployment-web.yaml"
    edited = world.deployed("two", "web").replace("replicas: 2", "replicas: 9").encode()
    world.otto.push(DEPLOY, "main", {path: edited}, "By hand")

    await world.settle()
    assert "waits for 1 approval: it overwrites a change by Otto" in world.reasons("rest.3")
    assert "replicas: 9" in world.deployed("two", "web")


async def test_lost_webhooks_delay_and_lose_nothing(world: World) -> None:
    world.deaf = True
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    assert world.rita.requests(DEPLOY, "all") == []

    for _ in range(30):
        await world.sweep()
        await world.advance(3)
    assert len(world.merged()) == 6


async def test_a_cluster_that_leaves_is_waited_for_no_longer(world: World) -> None:
    await begun(world)
    world.behave("one", silent=True)
    await world.advance(30)
    assert world.merged() == MERGED

    world.otto.push(FLEET, "main", {"clusters/one.yaml": None}, "One leaves")
    await world.settle()
    assert "canary.2" in world.merged()


async def test_a_plan_that_takes_too_much_is_said_where_people_look(world: World) -> None:
    async def too_big(_: Snapshot) -> Proposal:
        raise PlannerError("planning exceeded its limit of 120 seconds")

    planner = world.context.propose
    world.context = replace(world.context, propose=too_big)
    number = await begun(world)
    assert "planning exceeded its limit of 120 seconds" in world.home(number)
    assert world.view().problems == ("planning exceeded its limit of 120 seconds",)

    world.context = replace(world.context, propose=planner)
    await world.sweep()
    await world.settle()
    assert world.merged() == MERGED


async def test_while_there_is_no_plan_nothing_may_merge_that_was_free_to(world: World) -> None:
    required = world.site.made.forge.repositories[DEPLOY].required_statuses
    required.append("security/scan")
    await begun(world)
    first = wave_request(world, "canary.1")
    assert world.rita.statuses(DEPLOY, first["head"])[ORDER]["state"] == "success"
    nowhere = SWITCHYARD.replace(b"tier: edge", b"tier: moon")

    world.ada.push(APP, "main", {"switchyard.yaml": nowhere}, "Move to the moon")
    await world.settle()

    told = world.rita.statuses(DEPLOY, first["head"])[ORDER]
    assert told["state"] == "pending"
    assert "switchyard.yaml:" in told["description"]
    world.ada.push(APP, "main", {"switchyard.yaml": SWITCHYARD}, "Come back")
    required.clear()
    await world.settle()
    await world.advance(60)  # since the forge refused it before
    assert world.merged()[:1] == MERGED
