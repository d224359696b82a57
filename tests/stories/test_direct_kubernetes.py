"""Clusters without an agent: Switchyard applies what was merged to their API servers itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from bot.documents.fleet import read_fleet
from bot.sandbox.demo.site import APP
from bot.worker.cluster_watch import ClusterWatches
from renderers.inventory import NAMESPACE, ApplyState, Inventory, inventory_name
from tests.fakes.certificates import make_authority
from tests.fakes.cluster_api import TOKEN, FakeCluster
from tests.fakes.cluster_objects import Access
from tests.fakes.direct_fleet import (
    NAMES,
    ONE,
    TENANT_DOCUMENT,
    core_app,
    core_fleet,
    write_kubeconfig,
)
from tests.fakes.world import World, small_fleet

COMPONENTS = ("redis", "cart", "web")
EDGE = "it is labelled edge, and no credentials for such clusters are kept centrally"
SETUP = "system:serviceaccount:switchyard-system:switchyard-setup"


class Direct:
    """A world whose clusters have API servers, and no agents."""

    def __init__(self, world: World, clusters: dict[str, FakeCluster]) -> None:
        self.world, self.clusters = world, clusters

    async def found(self, fleet: dict[str, bytes | None]) -> None:
        """Describe the fleet; no simulated cluster pulls."""
        self.world.found(fleet)
        self.world.clusters.clear()

    async def advance(self, seconds: float = 3) -> None:
        """Controllers do their work, time passes, the bot looks again."""
        for each in self.clusters.values():
            each.objects.settle()
        await self.world.advance(seconds)

    async def finish(self) -> None:
        """Until the rollout is done."""
        for _ in range(40):
            await self.advance(61)
            view = self.world.view()
            if view.done and view.waves:
                return
        view = self.world.view()
        raise AssertionError((view.problems, [(w.name, w.gates, w.pending) for w in view.waves]))

    def image(self, cluster: str, name: str) -> str:
        """The image that runs on a cluster; empty for none."""
        found = self.clusters[cluster].objects.items.get(("apps", "Deployment", "shop", name))
        spec = found["spec"]["template"]["spec"] if found else {"containers": [{"image": ""}]}
        return str(spec["containers"][0]["image"]).rpartition("/")[2]

    def inventory(self, cluster: str, component: str) -> Inventory | None:
        """What is recorded of a component."""
        address = ("", "ConfigMap", NAMESPACE, inventory_name("storefront", component))
        found = self.clusters[cluster].objects.items.get(address)
        return Inventory.read(found) if found else None


@pytest.fixture
async def direct(world: World, tmp_path: Path) -> AsyncIterator[Direct]:
    authority = make_authority(tmp_path / "tls")
    folder = tmp_path / "credentials"
    folder.mkdir()
    clusters = {name: FakeCluster() for name in NAMES}
    async with AsyncExitStack() as stack:
        for name, cluster in clusters.items():
            cluster.tenant("shop", "shop")
            cluster.objects.access[SETUP] = Access(None)
            cluster.bot.impersonates |= {SETUP}
            address = await stack.enter_async_context(cluster.listen(authority))
            write_kubeconfig(folder / f"{name}.kubeconfig", address, authority.ca_file, TOKEN)
        await world.stop_bot()
        world.known["cluster_credentials"] = folder
        world.start_bot()
        yield Direct(world, clusters)
        await world.context.clusters.close()


async def test_a_rollout_goes_through_in_order_and_a_removal_leaves_nothing(
    direct: Direct,
) -> None:
    world = direct.world
    await direct.found(core_fleet(names=NAMES))
    world.ada.push(APP, "main", core_app(), "Open the shop")
    await world.settle()
    assert (direct.image("one", "redis"), direct.image("one", "cart")) == ("redis:1.0.0", "")
    assert world.reasons("canary.2") == ["cart waits for redis to be Ready on one (progressing)"]

    await direct.finish()
    assert {unit.readiness for unit in world.view().units} == {"READY"}
    for name in NAMES:
        assert [direct.image(name, each) for each in COMPONENTS] == [
            f"{each}:1.0.0" for each in COMPONENTS
        ]

    without_web = core_app(redis="1.1.0")["switchyard.yaml"]
    assert without_web is not None
    begin, end = without_web.index(b"    - name: web"), without_web.index(b"  placement:")
    smaller = (without_web[:begin] + without_web[end:]).replace(b"cart, web]", b"cart]")
    change = core_app(redis="1.1.0") | {"switchyard.yaml": smaller}
    world.ada.push(APP, "main", change, "Close the web, update redis")
    await direct.finish()
    for name in NAMES:
        assert direct.image(name, "redis") == "redis:1.1.0"
        assert direct.image(name, "web") == ""
        assert direct.inventory(name, "web") is None


async def test_objects_are_written_as_the_tenant_and_its_set_up_as_an_account_of_its_own(
    direct: Direct,
) -> None:
    del direct.clusters["one"].objects.items["", "Namespace", "", "shop"]
    await direct.found(core_fleet() | {"tenants/shop.yaml": TENANT_DOCUMENT})
    direct.world.ada.push(APP, "main", core_app(), "Open the shop")
    await direct.finish()
    writes = {
        (user.rpartition(":")[2], path.split("/")[-2])
        for cluster in direct.clusters.values()
        for method, path, user in cluster.requests
        if method == "PATCH"
    }

    assert {kind for user, kind in writes if user == "switchyard-shop"} == {"deployments"}
    assert "namespaces" in {kind for user, kind in writes if user == "switchyard-setup"}
    assert {user for user, _ in writes} == {"switchyard-shop", "switchyard-setup"}


async def test_a_field_that_somebody_else_manages_holds_the_rollout(direct: Direct) -> None:
    await direct.found(core_fleet(names=NAMES))
    direct.world.ada.push(APP, "main", core_app(), "Open the shop")
    await direct.finish()
    address = ("apps", "Deployment", "shop", "redis")
    objects = direct.clusters["one"].objects
    objects.patch(address, ("spec", "replicas"), 9, "kube-controller-manager")
    direct.world.ada.push(APP, "main", core_app(redis="1.1.0"), "Update redis")
    await direct.advance(61)
    await direct.advance(61)

    unit = next(
        each
        for each in direct.world.view().units
        if (each.component, each.cluster) == ("redis", "one")
    )
    assert unit.readiness == "STALLED"
    assert "kube-controller-manager manages fields that the application states" in unit.message
    assert direct.image("two", "redis") == "redis:1.0.0"
    stored = direct.inventory("one", "redis")
    assert stored is not None
    assert stored.state is ApplyState.STALLED


async def test_what_people_delete_or_change_comes_back(direct: Direct) -> None:
    await direct.found(core_fleet())
    direct.world.ada.push(APP, "main", core_app(), "Open the shop")
    await direct.finish()
    objects = direct.clusters["one"].objects
    del objects.items["apps", "Deployment", "shop", "redis"]
    await direct.advance(61)
    assert direct.image("one", "redis") == "redis:1.0.0"

    address = ("apps", "Deployment", "shop", "web")
    objects.patch(address, ("spec", "replicas"), 9, "kubectl-edit")
    await direct.advance(601)
    await direct.advance(61)
    assert objects.items[address]["spec"]["replicas"] == 2
    assert {unit.readiness for unit in direct.world.view().units} == {"READY"}


async def test_without_its_database_the_bot_finishes_what_it_began(direct: Direct) -> None:
    await direct.found(core_fleet())
    direct.world.ada.push(APP, "main", core_app(), "Open the shop")
    await direct.advance(61)
    await direct.world.context.clusters.close()
    await direct.world.lose_database()
    await direct.world.sweep()
    await direct.finish()

    assert direct.image("one", "web") == "web:1.0.0"


async def test_units_of_an_application_that_is_not_registered_any_more_stay(
    direct: Direct,
) -> None:
    await direct.found(core_fleet())
    direct.world.ada.push(APP, "main", core_app(), "Open the shop")
    await direct.finish()
    direct.world.describe({"applications/storefront.yaml": None})
    await direct.world.sweep()
    await direct.advance(61)

    assert direct.image("one", "redis") == "redis:1.0.0"


@pytest.mark.parametrize(
    ("policy", "tier", "reason"),
    [
        ("{}", b"core", "no policy allows it"),
        ("{directClusters: {matchLabels: {tier: edge}}}", b"edge", EDGE),
    ],
)
async def test_without_a_policy_and_at_the_edge_nothing_is_applied(
    direct: Direct, policy: str, tier: bytes, reason: str
) -> None:
    world = direct.world
    fleet = core_fleet(policy, tier, NAMES)
    loaded = read_fleet({path: text for path, text in fleet.items() if text is not None})
    await direct.found(fleet)
    world.ada.push(APP, "main", core_app(), "Open the shop")
    await world.settle()

    assert {f"Switchyard may not write to {name}: {reason}" for name in NAMES} == {
        each.message for each in loaded.problems
    }
    assert not any(each.requests for each in direct.clusters.values())


async def test_a_cluster_without_credentials_says_so_and_holds_what_waits_for_it(
    direct: Direct, tmp_path: Path
) -> None:
    (tmp_path / "credentials" / "one.kubeconfig").unlink()
    await direct.found(core_fleet())
    direct.world.ada.push(APP, "main", core_app(), "Open the shop")
    await direct.advance(61)

    assert direct.clusters["one"].requests == []
    assert direct.world.merged() == ["canary.1"]


async def test_a_change_on_the_cluster_wakes_its_pass(direct: Direct) -> None:
    """Between two passes of a minute, a watch of every recorded kind tells of it."""
    world = direct.world
    await direct.found(core_fleet())
    world.ada.push(APP, "main", core_app(), "Open the shop")
    await direct.finish()
    watches = ClusterWatches(world.context)
    await watches.adjust()
    cluster = direct.clusters["one"]
    await until(lambda: cluster.watches.keys() >= {"configmaps", "deployments"})
    await settle_queue(world)
    cluster.objects.set_status(("apps", "Deployment", "shop", "web"), {"replicas": 0})
    await cluster.changed()
    await until(lambda: due_soon(world))
    await world.advance(2)
    await watches.stop()

    unit = next(each for each in world.view().units if each.component == "web")
    assert unit.readiness == "PROGRESSING"


async def test_watches_end_with_their_reason(direct: Direct) -> None:
    world = direct.world
    await direct.found(core_fleet())
    world.ada.push(APP, "main", core_app(), "Open the shop")
    await direct.finish()
    watches = ClusterWatches(world.context)
    await watches.adjust()
    running = dict(watches._running)
    assert {key[2] for key in running} == {"ConfigMap", "Deployment"}

    world.describe(small_fleet(ONE))
    await watches.adjust()
    await asyncio.gather(*running.values(), return_exceptions=True)
    assert watches._running == {}
    assert all(each.cancelled() for each in running.values())


def due_soon(world: World) -> bool:
    """Whether the cluster's pass is due within seconds."""
    waiting = {each.key: each.due for each in world.context.store.queue.waiting(100)}
    due = waiting.get("cluster/one")
    return due is not None and due <= world.now + timedelta(seconds=2)


async def settle_queue(world: World) -> None:
    """Until the pass is a minute away again: the watch's own list woke it."""
    await until(lambda: due_soon(world))
    await world.advance(2)
    assert not due_soon(world)


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until a condition holds; the test's time-out ends it otherwise."""
    while not condition():  # noqa: ASYNC110 - the watches tell nobody but the queue
        await asyncio.sleep(0.01)
