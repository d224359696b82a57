"""One fleet with all five agents, and one rollout over it, in dependency order.

Flux and Argo CD report, the objects of Config Sync are read from its cluster, Azure is asked
through its API, and to the last cluster Switchyard applies itself. The tenant's set-up comes first.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.keys import agent_key
from bot.report.model import ROLLOUTS
from bot.sandbox.demo.agents import SimulatedCluster
from bot.sandbox.demo.argocd import ArgoCDBehaviour, SimulatedArgoCD
from bot.sandbox.demo.config_sync import ConfigSyncBehaviour, SimulatedConfigSync
from bot.sandbox.demo.site import APP
from tests.fakes.azure_world import SUBSCRIPTION, AzureWorld
from tests.fakes.cluster_api import TOKEN, FakeCluster
from tests.fakes.cluster_objects import Access, Kind
from tests.fakes.direct_fleet import TENANT_DOCUMENT, core_app, write_kubeconfig
from tests.fakes.world import REPORT_KEY, World, small_fleet

REPO = "repoUrl: 'https://git.example.com/{repo}.git'"
AGENTS = {
    "flux": "{agent: flux}",
    "argo": f"{{agent: argocd, argocd: {{{REPO}}}}}",
    "sync": f"{{agent: anthos, anthos: {{{REPO}}}}}",
    "azure": f"{{agent: azure-arc, azureArc: {{subscription: {SUBSCRIPTION}, "
    "resourceGroup: edge, resource: arc-azure}}",
    "direct": "{agent: kubernetes}",
}
SETUP = "system:serviceaccount:switchyard-system:switchyard-setup"
POLICY = "{directClusters: {matchLabels: {tier: core}}, watchedClusters: {matchLabels: {at: sync}}}"
KINDS = (
    Kind("configsync.gke.io/v1beta1", "RootSync", "rootsyncs"),
    Kind("configsync.gke.io/v1beta1", "RepoSync", "reposyncs"),
    Kind("kpt.dev/v1alpha1", "ResourceGroup", "resourcegroups"),
)
SLOW = timedelta(seconds=70)
ARGO = ArgoCDBehaviour(SLOW, poll=timedelta(seconds=30), jitter=timedelta(0))
SYNC = ConfigSyncBehaviour(SLOW, poll=timedelta(seconds=15), silent=True)
COMPONENTS = ("redis", "cart", "web")
WAVES = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]


class FiveAgents(AzureWorld):
    """The clusters of all five agents, each behind what is real for it."""

    def __init__(self, folder: Path) -> None:
        self.direct, self.sync = FakeCluster(), FakeCluster()
        self.sync.objects.kinds += KINDS
        super().__init__(folder)

    async def found_fleet(self) -> None:
        """Describe the fleet, and connect its clusters."""
        self.direct.tenant("shop", "shop")
        del self.direct.objects.items["", "Namespace", "", "shop"]
        self.direct.objects.access[SETUP] = Access(None)
        self.direct.bot.impersonates |= {SETUP}
        assert self.sync.bot.reads_everything
        keys = self.folder / "credentials"
        keys.mkdir()
        for name, cluster in (("direct", self.direct), ("sync", self.sync)):
            address = await self.closing.enter_async_context(cluster.listen(self.authority))
            write_kubeconfig(keys / f"{name}.kubeconfig", address, self.authority.ca_file, TOKEN)
        await self.stop_bot()
        self.known["cluster_credentials"] = keys
        self.start_bot()
        files = small_fleet(tuple(AGENTS), POLICY) | {"tenants/shop.yaml": TENANT_DOCUMENT}
        for name, spec in AGENTS.items():
            text = files[f"clusters/{name}.yaml"]
            assert text is not None
            text = text.replace(b"tier: edge", f"at: {name}, tier: core".encode())
            text = text.replace(b"{agent: flux}", spec.encode())
            files[f"clusters/{name}.yaml"] = text
        self.found(files)

    def add_cluster(self, name: str) -> None:
        match name:
            case "flux":
                World.add_cluster(self, name)
            case "argo":
                key = agent_key(REPORT_KEY, "argocd", name)
                self.clusters[name] = SimulatedArgoCD(name, key, ARGO)
            case "sync":
                key = agent_key(REPORT_KEY, "anthos", name)
                self.clusters[name] = SimulatedConfigSync(name, key, SYNC)
            case "azure":
                super().add_cluster(name)

    async def report(self) -> bool:
        """All agents do their work; those that report do."""
        self.direct.objects.settle()
        await super().report()
        busy = await World.report(self)
        self.sync.objects.items = {
            (each["apiVersion"].partition("/")[0], each["kind"], *_address(each)): each
            for each in self._config_sync().objects()
        }
        return busy

    def running(self, component: str) -> set[str]:
        """The clusters on which a component runs as it is merged."""
        checks: dict[str, Callable[[str], bool]] = {
            "flux": self._on_flux,
            "argo": self._on_argo,
            "sync": self._on_sync,
            "azure": lambda each: each in self.applied("azure", "shop"),
            "direct": self._on_direct,
        }
        return {name for name, check in checks.items() if check(component)}

    def _on_flux(self, component: str) -> bool:
        cluster = self.clusters["flux"]
        assert isinstance(cluster, SimulatedCluster)
        found = cluster.applied.get(f"storefront.{component}")
        return found is not None and found.is_healthy

    def _on_argo(self, component: str) -> bool:
        cluster = self.clusters["argo"]
        assert isinstance(cluster, SimulatedArgoCD)
        found = cluster.applications.get(f"storefront.{component}")
        return found is not None and found.status["health"].get("status") == "Healthy"

    def _on_sync(self, component: str) -> bool:
        return self._config_sync().is_running(component, self.now)

    def _config_sync(self) -> SimulatedConfigSync:
        cluster = self.clusters["sync"]
        assert isinstance(cluster, SimulatedConfigSync)
        return cluster

    def _on_direct(self, component: str) -> bool:
        found = self.direct.objects.items.get(("apps", "Deployment", "shop", component))
        return found is not None and found.get("status", {}).get("availableReplicas") == 2


def _address(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]


@pytest.fixture
async def five(tmp_path: Path) -> AsyncIterator[FiveAgents]:
    world = FiveAgents(tmp_path)
    yield world
    await world.context.clusters.close()
    await world.stop()


async def test_one_rollout_goes_over_all_five_agents_in_order(five: FiveAgents) -> None:
    """A wave merges only when what it needs runs on every cluster, whatever its agent."""
    needs = {"rest.2": "redis", "rest.3": "cart"}
    await five.found_fleet()
    five.ada.push(APP, "main", core_app(), "Open the shop")
    await five.settle()
    assert five.merged() == ["all.1"]
    for _ in range(40):
        merged = five.merged()
        await five.advance(61)
        for wave in five.merged()[len(merged) :]:
            needed = needs.get(wave)
            assert needed is None or five.running(needed) == set(AGENTS), wave
        view = five.context.store.views.load(ROLLOUTS, "storefront")
        if view is not None and view.waves and view.done:
            break

    assert five.merged() == ["all.1", *WAVES]
    assert [five.running(each) for each in COMPONENTS] == [set(AGENTS)] * 3
    assert {unit.readiness for unit in five.view().units} == {"READY"}
