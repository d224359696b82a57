"""Agents whose objects Switchyard may read: status arrives although nothing is reported."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.demo.site import APP
from bot.worker.cluster_watch import ClusterWatches
from tests.fakes.certificates import make_authority
from tests.fakes.cluster_api import TOKEN, FakeCluster
from tests.fakes.cluster_objects import Kind
from tests.fakes.direct_fleet import write_kubeconfig
from tests.fakes.world import World, small_app, small_fleet

ONE = ("one",)
WATCHED = "{watchedClusters: {matchLabels: {tier: edge}}}"
GROUP, VERSION = "kustomize.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io/v1"
SOURCE = Kind("source.toolkit.fluxcd.io/v1", "GitRepository", "gitrepositories")
KUSTOMIZATION = Kind(VERSION, "Kustomization", "kustomizations")


class Watched:
    """A cluster with Flux that reports nothing, and whose API server may be read."""

    def __init__(self, world: World, cluster: FakeCluster) -> None:
        self.world, self.cluster = world, cluster

    async def found(self, policy: str) -> None:
        """Describe the fleet; its cluster posts nothing."""
        self.world.found(small_fleet(ONE, policy))
        self.world.clusters.clear()

    def reconcile(self, status: str = "True", reason: str = "ReconciliationSucceeded") -> None:
        """Flux reconciles what is merged, and says so in the status of its objects."""
        head = self.world.pull()
        assert head is not None
        for path in self.world.agents.entries(head, ("clusters/one/sync/shop/storefront",)):
            name = f"storefront.{path.rpartition('/')[2].removesuffix('.yaml')}"
            address = (GROUP, "Kustomization", "flux-system", name)
            metadata = {"name": name, "namespace": "flux-system"}
            item = {"apiVersion": VERSION, "kind": "Kustomization", "metadata": metadata}
            if address not in self.cluster.objects.items:
                self.cluster.add(item, "kustomize-controller")
            self.cluster.objects.set_status(address, self._status(head, status, reason))

    def _status(self, head: str, status: str, reason: str) -> dict[str, Any]:
        """Source: kustomize-controller, Kustomization status and its condition Ready."""
        when = self.world.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        ready = {"type": "Ready", "status": status, "reason": reason, "message": reason}
        return {
            "observedGeneration": 1,
            "conditions": [{**ready, "lastTransitionTime": when}],
            "lastAppliedRevision": f"main@sha1:{head}",
            "lastAttemptedRevision": f"main@sha1:{head}",
        }

    async def advance(self) -> None:
        """A minute passes."""
        await self.world.advance(61)


@pytest.fixture
async def watched(world: World, tmp_path: Path) -> AsyncIterator[Watched]:
    authority, folder, cluster = make_authority(tmp_path / "tls"), tmp_path / "keys", FakeCluster()
    folder.mkdir()
    cluster.tenant("shop", "flux-system")
    cluster.objects.kinds += [KUSTOMIZATION, SOURCE]
    async with cluster.listen(authority) as address:
        write_kubeconfig(folder / "one.kubeconfig", address, authority.ca_file, TOKEN)
        await world.stop_bot()
        world.known["cluster_credentials"] = folder
        world.start_bot()
        yield Watched(world, cluster)
        await world.context.clusters.close()


async def test_a_rollout_is_done_by_what_is_read(watched: Watched) -> None:
    await watched.found(WATCHED)
    watched.world.ada.push(APP, "main", small_app(), "Open the shop")
    for _ in range(8):
        await watched.advance()
        watched.reconcile()

    assert {unit.readiness for unit in watched.world.view().units} == {"READY"}
    assert watched.world.view().done
    assert {method for method, _, _ in watched.cluster.requests} == {"GET"}


async def test_what_does_not_change_stays_fresh_while_it_is_read(watched: Watched) -> None:
    await watched.found(WATCHED)
    watched.world.ada.push(APP, "main", small_app(), "Open the shop")
    for _ in range(8):
        await watched.advance()
        watched.reconcile()

    for _ in range(3):
        await watched.world.advance(15 * 60)

    assert {unit.readiness for unit in watched.world.view().units} == {"READY"}


async def test_a_failure_that_is_read_holds_the_rollout(watched: Watched) -> None:
    await watched.found(WATCHED)
    watched.world.ada.push(APP, "main", small_app(), "Open the shop")
    await watched.advance()
    watched.reconcile("False", "HealthCheckFailed")
    broken = {"type": "Ready", "status": "True", "lastTransitionTime": "never"}
    for name in ("other.unit", "storefront.other"):
        metadata = {"name": name, "namespace": "flux-system"}
        status = {"conditions": [broken]}
        item = {"apiVersion": VERSION, "kind": "Kustomization", "metadata": metadata}
        watched.cluster.add({**item, "status": status}, "kustomize-controller")
    await watched.advance()

    unit = next(each for each in watched.world.view().units if each.component == "redis")
    assert (unit.readiness, unit.message) == ("STALLED", "HealthCheckFailed")
    assert watched.world.merged() == ["canary.1"]


async def test_without_a_policy_nothing_is_read(watched: Watched) -> None:
    await watched.found("{}")
    watched.world.ada.push(APP, "main", small_app(), "Open the shop")
    await watched.advance()
    await watched.advance()

    assert watched.cluster.requests == []
    assert watched.world.merged() == ["canary.1"]


async def test_every_kind_of_the_agent_is_followed(watched: Watched) -> None:
    await watched.found(WATCHED)
    watches = ClusterWatches(watched.world.context)
    await watches.adjust()
    followed = {(key[2], key[4]) for key in watches._running}
    await watches.stop()

    assert followed == {("Kustomization", "flux-system"), ("GitRepository", "flux-system")}
