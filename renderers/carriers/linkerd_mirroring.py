"""Linkerd mirroring: the server's cluster exports a Service, the client calls its mirror.

Sources, Linkerd documentation, "Multi-cluster communication" (a Service with the label
`mirror.linkerd.io/exported: "true"` is mirrored through the gateway, in the namespace that it has)
and "Installing Multi-cluster Components" (the mirror is `<service>-<name of the link's cluster>`).
The exported Service is one of its own, with the ports that others call: the component's Service
stays as it was written, and a headless one needs no setting of the mirrors' controller.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from planners.connect import Case
from planners.model import Json
from planners.model.connectivity import ConnectivityIntent
from planners.model.network import Mesh
from renderers.carriers import Carrier
from renderers.connections import (
    Address,
    ComponentClient,
    ComponentServer,
    ConnectedUnit,
    Connection,
    DerivedObject,
    Need,
    ServicePort,
)

MAX_NAME = 63
"""The longest name of a Service (RFC 1035 label)."""


@dataclass(slots=True)
class _Export:
    """The called ports of one Service, and the intents behind them."""

    service: ServicePort
    ports: dict[int, Json] = field(default_factory=dict)
    intents: dict[ConnectivityIntent, None] = field(default_factory=dict)

    def add(self, intent: ConnectivityIntent, service: ServicePort) -> None:
        """Export a port."""
        self.ports[service.port] = {
            "name": f"port-{service.port}",
            "port": service.port,
            "protocol": service.transport,
            "targetPort": service.targets[0],
        }
        self.intents[intent] = None

    def json(self) -> dict[str, Json]:
        """The exported Service."""
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": _exported(self.service),
                "namespace": self.service.namespace,
                "labels": {"mirror.linkerd.io/exported": "true"},
            },
            "spec": {
                "selector": dict(self.service.selector),
                "ports": [self.ports[number] for number in sorted(self.ports)],
            },
        }


@dataclass(frozen=True, slots=True)
class LinkerdMirroring:
    """Makes ways between clusters that Linkerd links."""

    name: str = "linkerd-mirroring"
    summary: str = (
        "Exported Services, between clusters with `mesh: linkerd` that are linked: the client "
        "calls the mirror `connect-to-<service>-<cluster>`."
    )

    def meets(self, connection: Connection) -> frozenset[Need]:
        """A way, where both clusters have Linkerd and the server's one a gateway."""
        if _server(connection) is None or self.missing(connection):
            return frozenset()
        return frozenset({Need.ROUTE})

    def missing(self, connection: Connection) -> str:
        """The gateway of the server's cluster, or what a mirror of the Service cannot have."""
        server = _server(connection)
        if server is None:
            return ""
        service, cluster = server.service, server.cluster
        if service.transport != "TCP":
            return f"Linkerd mirrors TCP ports, and port {service.port} is {service.transport}"
        if len(service.targets) != 1:
            return f"port {service.port} leads to several ports of the pods: give them one number"
        if cluster.network.east_west is None:
            return f"state `spec.network.eastWest` of cluster {cluster.name}"
        if len(_mirror(server)) > MAX_NAME:
            return f"the mirror {_mirror(server)} has more than {MAX_NAME} characters: rename one"
        return ""

    def address(self, connection: Connection) -> Address | None:
        """The mirror in the client's cluster."""
        server = _server(connection)
        if server is None or self.missing(connection):
            return None
        return Address(f"{_mirror(server)}.{server.service.namespace}.svc", server.service.port)

    def server_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """One exported Service for each Service that is called from another cluster."""
        found: dict[tuple[str, str], _Export] = {}
        for each in unit.serves:
            server = _server(each)
            if server is None or self.missing(each):
                continue
            key = server.service.namespace, server.service.service
            found.setdefault(key, _Export(server.service)).add(each.intent, server.service)
        for _, export in sorted(found.items(), key=lambda item: item[0]):
            yield DerivedObject(export.json(), tuple(export.intents))

    def client_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """None: Linkerd makes the mirror."""
        del unit
        yield from ()


CARRIER: Carrier = LinkerdMirroring()


def _server(connection: Connection) -> ComponentServer | None:
    """The server, if the connection goes from a cluster with Linkerd to another one."""
    client, server = connection.client, connection.server
    if not isinstance(client, ComponentClient) or not isinstance(server, ComponentServer):
        return None
    meshes = {client.cluster.network.mesh, server.cluster.network.mesh}
    linked = connection.case is Case.SEPARATE_MESHES and meshes == {Mesh.LINKERD}
    return server if linked else None


def _exported(service: ServicePort) -> str:
    return f"connect-to-{service.service}"


def _mirror(server: ComponentServer) -> str:
    return f"{_exported(server.service)}-{server.cluster.name}"
