"""Multi-Cluster Services: the server's Service is exported, the client calls its imported name.

Sources: Kubernetes enhancement proposal 1645, "Multi-Cluster Services API" (a ServiceExport has the
name and namespace of its Service; all exports of one name are one Service for the ClusterSet) and
its "DNS-Based Multicluster Service Discovery" (`<service>.<namespace>.svc.clusterset.local`). The
controller of the ClusterSet makes the ServiceImport on the clients' side.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from planners.connect import Case
from planners.model.connectivity import ConnectivityIntent
from renderers.carriers import Carrier
from renderers.connections import (
    Address,
    ComponentServer,
    ConnectedUnit,
    Connection,
    DerivedObject,
    Need,
)

_KIND = "ServiceExport"
_DEFAULT = f"multicluster.x-k8s.io/v1beta1/{_KIND}"


@dataclass(frozen=True, slots=True)
class MulticlusterServices:
    """Makes ways between clusters of one ClusterSet."""

    name: str = "multicluster-services"
    summary: str = (
        "ServiceExports, between clusters of one ClusterSet (Multi-Cluster Services API): the "
        "client calls `<service>.<namespace>.svc.clusterset.local`."
    )

    def meets(self, connection: Connection) -> frozenset[Need]:
        """A way, where both clusters are in one ClusterSet."""
        mine = connection.case is Case.CLUSTER_SET
        return frozenset({Need.ROUTE}) if mine else frozenset()

    def missing(self, connection: Connection) -> str:
        """The ClusterSet, where nothing else connects the clusters either."""
        if connection.case is not Case.APART:
            return ""
        return "state the same mesh or `spec.network.clusterSet` for both clusters"

    def address(self, connection: Connection) -> Address | None:
        """The name that every cluster of the ClusterSet resolves."""
        server = connection.server
        if connection.case is not Case.CLUSTER_SET or not isinstance(server, ComponentServer):
            return None
        service = server.service
        return Address(
            f"{service.service}.{service.namespace}.svc.clusterset.local", service.called_port
        )

    def server_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """One export for each Service that is called from another cluster.

        Its version is the one that the cluster document lists in `apiVersions`, if it does.
        """
        served = (each for each in unit.cluster.api_versions if each.endswith(f"/{_KIND}"))
        version = next(served, _DEFAULT).removesuffix(f"/{_KIND}")
        found: dict[tuple[str, str], dict[ConnectivityIntent, None]] = {}
        for each in unit.serves:
            if each.case is Case.CLUSTER_SET and isinstance(each.server, ComponentServer):
                service = each.server.service
                found.setdefault((service.namespace, service.service), {})[each.intent] = None
        for (namespace, name), intents in sorted(found.items()):
            yield DerivedObject(
                {
                    "apiVersion": version,
                    "kind": _KIND,
                    "metadata": {"name": name, "namespace": namespace},
                },
                tuple(intents),
            )

    def client_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """None: the import is made by the controller of the ClusterSet."""
        del unit
        yield from ()


CARRIER: Carrier = MulticlusterServices()
