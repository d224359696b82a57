"""A world whose clusters are behind a simulated Azure; the bot reaches it with the real SDK."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import HttpUrl, SecretStr

from bot.azure import Azure
from bot.report.model import ROLLOUTS
from bot.settings import AzureSettings
from tests.fakes.arm import CLIENT, ENTRA_TENANT, SECRET, Arm, ClusterFlux, Pulled
from tests.fakes.arm.server import Cluster
from tests.fakes.certificates import Authority, make_authority
from tests.fakes.world import World

SUBSCRIPTION = "9b1f2c34-5d6e-4f70-8a91-b2c3d4e5f607"
PARENT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/edge/providers"


def settings_of(arm: Arm, authority: Authority, secret: str = SECRET) -> AzureSettings:
    """How a bot reaches it: with a client secret, over TLS."""
    return AzureSettings(
        azure_url=HttpUrl(arm.url),
        azure_authority=HttpUrl(arm.url),
        azure_tenant_id=ENTRA_TENANT,
        azure_client_id=CLIENT,
        azure_client_secret=SecretStr(secret),
        azure_ca_file=authority.ca_file,
    )


def resource_id(cluster: str) -> str:
    """A cluster's id in Azure: it is called `arc-<name>` there."""
    return f"{PARENT}/Microsoft.Kubernetes/connectedClusters/arc-{cluster}"


class AzureWorld(World):
    """The clusters pull through what Azure has for them, and tell it; none reports to the bot."""

    def __init__(self, folder: Path) -> None:
        self.authority = make_authority(folder / "azure")
        self.arm = Arm(self.authority)
        super().__init__(folder)

    def start_bot(self) -> None:
        super().start_bot()
        settings = settings_of(self.arm, self.authority)
        self.context = replace(self.context, azure=Azure(settings, self.context.clock))

    async def stop_bot(self) -> None:
        self.context.azure.close()
        await super().stop_bot()

    async def stop(self) -> None:
        await super().stop()
        self.arm.stop()

    def add_cluster(self, name: str) -> None:
        self.arm.connect(resource_id(name), ClusterFlux(self.pulled))

    def pulled(self, url: str, branch: str) -> Pulled | None:
        """What a cluster fetches."""
        head = self.pull()
        assert url
        assert branch == self.main
        return Pulled(head, self.agents.files(head)) if head else None

    def azure(self, cluster: str) -> Cluster:
        """What Azure knows of a cluster."""
        return self.arm.clusters[resource_id(cluster).lower()]

    def configurations(self, cluster: str) -> Mapping[str, Mapping[str, Any]]:
        """The properties of a cluster's fluxConfigurations."""
        return {each.name: each.properties for each in self.azure(cluster).resources.values()}

    def applied(self, cluster: str, namespace: str) -> list[str]:
        """The Deployments of a namespace."""
        objects = self.azure(cluster).flux.objects
        found = [
            name for kind, there, name in objects if kind == "Deployment" and there == namespace
        ]
        return sorted(found)

    async def report(self) -> bool:
        self.arm.step(self.now)
        return False

    async def roll_out(self, *applications: str) -> None:
        """Let time pass until every wave of them is merged and ready."""
        for _ in range(60):
            await self.advance(30)
            views = [self.context.store.views.load(ROLLOUTS, each) for each in applications]
            if all(each is not None and each.done and each.waves for each in views):
                return
        raise AssertionError(views)
