"""Plans of one tenant that take long: the plans of others are made meanwhile."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from bot.engine.propose import Proposal, propose
from bot.sandbox.demo.site import APP, DEPLOY
from bot.store.keys import application_key
from bot.worker import dispatch
from bot.worker.shares import Shares
from bot.worker.supervision import Supervisor
from bot.worker.worker import Worker
from planners.model.snapshot import Snapshot
from tests.fakes.world import World, manifest, small_fleet

HEAD = "apiVersion: switchyard.dev/v1alpha1\nkind: "
TENANTS = {"storefront": "shop", "kiosk": "shop", "bank": "bank"}
LEASE = timedelta(seconds=15)


def fleet() -> dict[str, bytes | None]:
    files = small_fleet(("one",))
    files["tenants/bank.yaml"] = (
        f"{HEAD}Tenant\nmetadata: {{name: bank}}\nspec: {{namespace: bank}}\n".encode()
    )
    for name, tenant in TENANTS.items():
        files[f"applications/{name}.yaml"] = (
            f"{HEAD}Registration\nmetadata: {{name: {name}}}\nspec: {{application: {name}, "
            f"tenant: {tenant}, app: 'local:{APP}', deploy: 'local:{DEPLOY}', path: {name}}}\n"
        ).encode()
    return files


def application(name: str) -> dict[str, bytes | None]:
    spec = (
        f"{HEAD}Application\nmetadata: {{name: {name}}}\nspec:\n  tenant: {TENANTS[name]}\n"
        "  components: [{name: web, source: {manifests: web}}]\n"
        "  placement: [{components: [web], allOf: [{}]}]\n"
    )
    return {
        f"{name}/switchyard.yaml": spec.encode(),
        f"{name}/web/web.yaml": manifest(f"{name}-web"),
    }


async def nothing_is_due(world: World) -> None:
    """Wait until every due key has been claimed or given back."""
    while (due := world.context.store.queue.next_due()) is not None and due <= world.now:  # noqa: ASYNC110 - threads
        await asyncio.sleep(0)


async def test_a_tenant_with_slow_plans_delays_nobody_else(world: World) -> None:
    """Both applications of the shop are slow; two workers, of which one is left to the bank."""
    release, planned = asyncio.Event(), asyncio.Event()

    async def planner(snapshot: Snapshot) -> Proposal:
        if snapshot.tenant.name == "shop":
            await release.wait()
        else:
            planned.set()
        return propose(snapshot)

    async def idle() -> None:
        await asyncio.sleep(0)

    world.found(fleet())
    for name in TENANTS:
        world.ada.push(APP, "main", application(name), f"Add {name}")
    await world.settle()
    context = replace(world.context, propose=planner)
    world.now += timedelta(minutes=1)
    keys = [application_key(name) for name, tenant in TENANTS.items() if tenant == "shop"]
    context.store.queue.trigger(keys, world.now)
    shares = Shares.of(workers=2)
    workers = [
        asyncio.create_task(
            Supervisor().run(
                {"worker": Worker(context, f"tests.{number}", LEASE, idle, shares).step}
            )
        )
        for number in range(2)
    ]
    await nothing_is_due(world)
    world.ada.push(APP, "main", {"bank/web/web.yaml": manifest("bank-web", "2.0.0")}, "Update")
    await world.flush_hooks()
    await dispatch.drain(context)

    await planned.wait()

    assert not release.is_set()
    release.set()
    for worker in workers:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


def test_rollouts_come_first_while_merge_requests_keep_the_workers_busy() -> None:
    """After a burst of webhooks thousands of merge requests are due before the next wave."""
    shares = Shares(most=2)
    with shares.taken("shop", "review/local:shop/app!1"), shares.taken("", "application/shop"):
        assert shares.preferred == ""
        with shares.taken("shop", "review/local:shop/app!2"):
            assert shares.preferred == "application/"
    assert shares.preferred == ""
