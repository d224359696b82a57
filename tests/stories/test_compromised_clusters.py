"""What a cluster can do whose report key has leaked: little, and not for long."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.keys import agent_key, facts_key
from bot.report.model import REPORTERS, ReportersView, ReporterView
from bot.sandbox.demo.site import APP
from bot.store.tables import queue, reports, views
from bot.web import intake
from bot.worker import dispatch
from tests.fakes.world import REPORT_KEY, World, small_app, small_fleet

TABLES = (queue, reports, views)
MADE_UP = {
    "made-up.web": "made-up/web is not placed on one.",
    "tenant-other.set-up": "tenant-other/set-up is not placed on one.",
    "storefront.made-up": "storefront/made-up is not placed on one.",
    "storefront.x": "storefront/x is not placed on one.",
}
CLUSTER = """apiVersion: switchyard.dev/v1alpha1
kind: Cluster
metadata: {name: one, labels: {tier: edge, canary: "true"}}
spec: {agent: flux, reportKeyGeneration: 2}
"""


def event(world: World, name: str) -> dict[str, object]:
    return {
        "involvedObject": {"kind": "Kustomization", "name": name},
        "severity": "info",
        "reason": "ReconciliationSucceeded",
        "timestamp": world.now.isoformat(),
        "metadata": {"revision": f"main@sha1:{'a' * 40}"},
    }


async def send(
    world: World, path: str, value: object, key_of: str = "one", generation: int = 1
) -> tuple[int, str]:
    body = json.dumps(value).encode()
    made = agent_key(REPORT_KEY, "flux", key_of, generation)
    key = facts_key(REPORT_KEY, key_of, generation) if path.startswith("/facts/") else made
    signature = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
    answer = await world.client.post(path, content=body, headers={"x-signature": signature})
    return answer.status_code, answer.text


def rows(world: World) -> list[int]:
    with world.context.store._database.read() as connection:
        return [connection.scalars(sa.select(sa.func.count()).select_from(t)).one() for t in TABLES]


@pytest.fixture
async def running(world: World) -> World:
    world.found(small_fleet(("one", "two")))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    return world


async def test_made_up_reports_leave_no_row(running: World) -> None:
    before = rows(running)
    with capture_logs() as logs:
        for name, reason in MADE_UP.items():
            status, text = await send(running, "/reports/flux/one", event(running, name))
            assert (status, json.loads(text)) == (202, {"recorded": False, "reason": reason})
    assert rows(running) == before
    assert [line["count"] for line in logs if line["event"] == "reports ignored"] == [1, 2, 4]


async def test_a_cluster_reports_only_what_is_placed_on_it(running: World) -> None:
    text = CLUSTER.replace("name: one", "name: three").replace("tier: edge", "tier: core")
    running.describe({"clusters/three.yaml": text.encode()})
    await running.settle()
    answer = await send(
        running, "/reports/flux/three", event(running, "storefront.web"), "three", 2
    )
    reason = "storefront/web is not placed on three."
    assert answer == (202, json.dumps({"recorded": False, "reason": reason}, separators=(",", ":")))


async def test_a_cluster_that_is_not_in_the_fleet_is_refused(running: World) -> None:
    before, facts = rows(running), {"at": running.now.isoformat()}
    for path in ("/reports/flux/nine", "/facts/nine"):
        reason = '{"detail":"The fleet repo declares no cluster nine."}'
        assert await send(running, path, facts, "nine") == (403, reason)
        assert (await send(running, path, facts, "one"))[0] == 401
    assert rows(running) == before


async def test_without_its_key_nobody_learns_whether_a_cluster_exists(running: World) -> None:
    answers = {
        await send(running, f"{path}/{name}", {}, "two")
        for path in ("/reports/flux", "/facts", "/status")
        for name in ("one", "nine")
    }
    assert answers == {(401, '{"detail":"Invalid signature."}')}


async def test_the_key_of_one_cluster_is_revoked_alone(running: World) -> None:
    facts = {"at": running.now.isoformat()}
    running.describe({"clusters/one.yaml": CLUSTER.encode()})
    await running.flush_hooks()
    await dispatch.drain(running.context)

    assert (await send(running, "/facts/one", facts))[0] == 401
    assert (await send(running, "/facts/one", facts, generation=2))[0] == 202
    assert (await send(running, "/facts/two", facts, "two"))[0] == 202
    assert (await send(running, "/facts/two", facts, "two", generation=2))[0] == 401


async def test_until_the_fleet_is_read_reports_are_to_be_sent_again(world: World) -> None:
    world.found(small_fleet(("one", "two")))
    answer = await send(world, "/facts/one", {"at": world.now.isoformat()})
    assert answer == (503, '{"detail":"The fleet repo has not been read yet. Retry in a minute."}')
    await world.settle()
    assert (await send(world, "/facts/one", {"at": world.now.isoformat()}))[0] == 202


async def test_the_rate_of_one_cluster_is_limited_alone(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BURST", 2)
    running.now += timedelta(seconds=1)
    facts = {"at": running.now.isoformat()}
    assert [(await send(running, "/facts/one", facts))[0] for _ in range(2)] == [202, 202]
    assert (await send(running, "/facts/one", facts))[0] == 429
    assert (await send(running, "/facts/two", facts, "two"))[0] == 202
    running.now += timedelta(seconds=1 / intake.PER_SECOND)
    assert (await send(running, "/facts/one", facts))[0] == 202


async def test_a_hub_may_report_for_each_of_its_clusters(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BURST", 2)
    monkeypatch.setattr(intake, "MOST_BURST", 5)
    for count, allowed in ((1, 2), (2, 4), (9, 5)):
        hub = f"hub-of-{count}"
        clusters = {f"{hub}-{n}": ReporterView("argocd", 1, hub) for n in range(count - 1)}
        known = ReportersView({**clusters, hub: ReporterView("argocd", 1)}, frozenset())
        running.context.store.views.save(REPORTERS, "", known)
        facts = {"at": running.now.isoformat()}
        sent = [(await send(running, f"/facts/{hub}", facts, hub))[0] for _ in range(allowed + 1)]
        assert sent == [202] * allowed + [429]


async def test_reports_count_on_while_no_plan_can_be_made(running: World) -> None:
    running.ada.push(APP, "main", {"switchyard.yaml": b"kind: nonsense\n"}, "Break it")
    await running.settle()
    assert running.view().problems
    status, text = await send(running, "/reports/flux/one", event(running, "storefront.web"))
    assert (status, json.loads(text)) == (202, {"recorded": True})
