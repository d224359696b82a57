"""What real Flux does that a simulation may forget: seconds, order, accounts, failures to fetch.

Each was seen with Flux 2.9 on real API servers (`make acceptance`).
"""

import json

import sqlalchemy as sa

from bot.sandbox.demo.agents import Report
from bot.sandbox.demo.site import APP
from bot.store.tables import queue
from tests.fakes.world import World, manifest, small_app, small_fleet
from tests.stories.test_tenants import fleet as tenant_fleet

WAVES = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]


async def begin(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()


def messages(world: World, cluster: str) -> set[str]:
    """What the page says about the units of a cluster that are merged."""
    units = world.view().units
    return {
        each.message for each in units if (each.cluster, each.readiness) == (cluster, "UNKNOWN")
    }


async def test_events_of_one_second_in_any_order_end_in_ready(world: World) -> None:
    await begin(world)
    await world.finish()

    assert world.merged() == WAVES
    assert {unit.readiness for unit in world.view().units} == {"READY"}


async def test_a_ready_event_that_is_played_again_does_not_keep_a_cluster_fresh(
    world: World,
) -> None:
    await begin(world)
    captured: list[Report] = []
    for _ in range(3):
        world.now += world.clusters["one"].behaviour.apply_time
        head = world.pull()
        assert head is not None
        captured += world.clusters["one"].step(
            world.now, head, world.agents.files(head, "clusters/one")
        )
    (ready,) = [each for each in captured if b"ReconciliationSucceeded" in each.body]
    world.behave("one", silent=True)
    for _ in range(4):
        answer = await world.client.post(
            "/reports/flux/one", content=ready.body, headers=dict(ready.headers)
        )
        assert answer.status_code == 202
        await world.advance(10 * 60)

    assert "UNKNOWN" in {unit.readiness for unit in world.view().units if unit.cluster == "one"}


async def test_a_tenants_account_comes_with_its_set_up_and_reaches_all_its_namespaces(
    world: World,
) -> None:
    files = tenant_fleet("one")
    text = files["tenants/shop.yaml"]
    assert text is not None
    files["tenants/shop.yaml"] = text.replace(
        b"  namespace: shop\n", b"  namespace: shop\n  namespaces: [shop-jobs]\n"
    )
    world.found(files)
    for name in world.clusters:
        world.behave(name, accounts={})
    app = small_app()
    app["deploy/web/deployment.yaml"] = manifest("web").replace(
        b"metadata:\n  name: web\n", b"metadata:\n  name: web\n  namespace: shop-jobs\n", 1
    )
    world.ada.push(APP, "main", app, "Open the shop")
    await world.settle()
    await world.finish()

    assert {unit.readiness for unit in world.view().units} == {"READY"}


async def test_an_account_that_nobody_made_is_told_as_the_api_server_tells_it(world: World) -> None:
    world.found(small_fleet())
    world.behave("one", accounts={})
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    await world.advance(10)

    assert world.merged() == ["canary.1"]
    assert "system:serviceaccount:flux-system:switchyard-shop" in world.reasons("canary.2")[0]


async def test_a_failure_without_a_revision_stalls_the_newest_change(world: World) -> None:
    world.found(small_fleet())
    world.behave("one", denied=frozenset({"redis"}))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    await world.advance(10)

    assert world.merged() == ["canary.1"]
    assert "redis failed: can't access" in world.reasons("canary.2")[0]
    world.behave("one", denied=frozenset())
    await world.finish()
    assert world.merged() == WAVES


async def test_a_cluster_that_cannot_fetch_says_why(world: World) -> None:
    await begin(world)
    await world.finish()
    world.behave("one", fetch_error="authentication required")
    world.ada.push(APP, "main", small_app(redis="2.0.0"), "Update")
    await world.settle()
    await world.advance(10)

    reason = world.reasons("canary.2")[0] if world.reasons("canary.2") else ""
    assert "authentication required" in json.dumps(sorted(messages(world, "one"))) + reason
    assert world.merged()[len(WAVES) :] == ["canary.1"]
    world.behave("one", fetch_error="")
    await world.finish()
    assert world.merged()[len(WAVES) :] == ["canary.1", "rest.1"]


async def test_a_unit_that_nobody_waits_for_repeats_itself_without_a_pass(world: World) -> None:
    await begin(world)
    await world.finish()
    await world.settle()
    before = passes_asked_for(world)
    world.now += world.clusters["one"].behaviour.interval
    head = world.pull()
    assert head is not None
    for report in world.clusters["one"].step(
        world.now, head, world.agents.files(head, "clusters/one")
    ):
        answer = await world.client.post(
            "/reports/flux/one", content=report.body, headers=dict(report.headers)
        )
        assert answer.json() == {"recorded": True}

    assert passes_asked_for(world) == before
    rows = world.context.store.reports.of_application("storefront")
    fresh = {row.component for row in rows if row.received_at == world.now}
    assert fresh == {"redis", "cart", "web"}


def passes_asked_for(world: World) -> list[tuple[str, int]]:
    """How often each key has become due."""
    with world.context.store._database.read() as connection:
        found = connection.execute(sa.select(queue.c.key, queue.c.generation))
        return sorted((row.key, row.generation) for row in found)
