"""Addresses that are known at run time: the client's cluster gets a Service for each called one.

The Service has no selector; for each cluster of the server an EndpointSlice has the addresses that
this cluster has reported of its load balancer. Its name is known before they are. NetworkPolicies
name addresses and no hosts, so that load balancers that have host names alone are not reached.

Sources: Kubernetes documentation, "Services without selectors" and "EndpointSlices" (the label
`kubernetes.io/service-name`, one address type for each slice, `endpointslice.kubernetes.io/
managed-by` for slices of others than the control plane), "IPv4/IPv6 dual-stack".
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

from planners.connect import Case
from planners.model import Json
from planners.model.addresses import ServicePlace
from planners.model.connectivity import ConnectivityIntent
from renderers.carriers import Carrier
from renderers.connections import (
    ADDRESS_OF,
    Address,
    ComponentClient,
    ComponentServer,
    ConnectedUnit,
    Connection,
    DerivedObject,
    Need,
    Object,
    ServicePort,
    written_place,
)

MAX_NAME = 63


@dataclass(slots=True)
class _Called:
    """A Service that a unit calls: its ports there, its addresses by cluster, and the intents."""

    name: str
    namespace: str
    ports: dict[tuple[int, str], ServicePort] = field(default_factory=dict)
    addresses: dict[ServicePlace, tuple[str, ...]] = field(default_factory=dict)
    intents: dict[ConnectivityIntent, None] = field(default_factory=dict)

    def add(self, intent: ConnectivityIntent, server: ComponentServer) -> None:
        """Call it on one more cluster, or on one more port."""
        self.ports[server.service.port, server.service.transport] = server.service
        self.addresses[server.place] = server.addresses
        self.intents[intent] = None

    def service(self) -> Object:
        """The Service in the client's cluster."""
        spec: dict[str, Json] = {"ipFamilyPolicy": "PreferDualStack", "ports": self._ports()}
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": spec,
        }

    def slices(self) -> Iterator[DerivedObject]:
        """Its addresses, by cluster and family; without addresses the slice is empty.

        A tenant that may not have EndpointSlices is told so before any address is known.
        """
        for place, addresses in sorted(self.addresses.items()):
            note = ((ADDRESS_OF, written_place(place)),)
            families: dict[str, list[Json]] = {} if addresses else {"IPv4": []}
            for each in addresses:
                endpoint: Json = {"addresses": [each], "conditions": {"ready": True}}
                families.setdefault(f"IPv{ip_address(each).version}", []).append(endpoint)
            for family, endpoints in sorted(families.items()):
                item: Object = {
                    "apiVersion": "discovery.k8s.io/v1",
                    "kind": "EndpointSlice",
                    "metadata": {
                        "name": f"{self.name}-{place.cluster}-{family.lower()}",
                        "namespace": self.namespace,
                        "labels": {
                            "endpointslice.kubernetes.io/managed-by": "switchyard.dev",
                            "kubernetes.io/service-name": self.name,
                        },
                    },
                    "addressType": family,
                    "endpoints": endpoints,
                    "ports": self._ports(),
                }
                yield DerivedObject(item, tuple(self.intents), note)

    def _ports(self) -> list[Json]:
        return [
            {
                "name": f"{port.name or transport.lower()}-{number}",
                "port": number,
                "protocol": transport,
            }
            for (number, transport), port in sorted(self.ports.items())
        ]


@dataclass(frozen=True, slots=True)
class ReportedAddresses:
    """Makes ways between clusters that have nothing in common but a network."""

    name: str = "reported-addresses"
    summary: str = (
        "A Service and EndpointSlices in the client's cluster, between clusters without a common "
        "mesh or ClusterSet: they have the addresses of a Service of `type: LoadBalancer` that "
        "the server's clusters report. The client waits for the first one."
    )

    def meets(self, connection: Connection) -> frozenset[Need]:
        """A way, where the Service gets an address for callers of other clusters."""
        found = _server(connection) is not None and not self.missing(connection)
        return frozenset({Need.ROUTE}) if found else frozenset()

    def missing(self, connection: Connection) -> str:
        """What the Service lacks."""
        server = _server(connection)
        if server is None:
            return ""
        if not server.service.exposed:
            return (
                f"make Service/{server.service.service} one of `type: LoadBalancer` with "
                f"`externalTrafficPolicy: Local`"
            )
        name = _called(connection, server).name
        if len(name) > MAX_NAME:
            return f"the Service {name} has more than {MAX_NAME} characters: rename one side"
        return ""

    def address(self, connection: Connection) -> Address | None:
        """The Service in the client's cluster, which is named before it leads anywhere."""
        server = _server(connection)
        if server is None or self.missing(connection):
            return None
        called = _called(connection, server)
        return Address(f"{called.name}.{called.namespace}.svc", server.service.port)

    def awaits(self, connection: Connection) -> bool:
        """Whether no usable address has been reported."""
        server = _server(connection)
        return server is not None and not self.missing(connection) and not server.addresses

    def server_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """None: the Service is the server's own."""
        del unit
        yield from ()

    def client_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """One Service for each called one, and the addresses that are known."""
        found: dict[tuple[str, str], _Called] = {}
        for each in unit.calls:
            server = _server(each)
            if server is not None and not self.missing(each):
                key = server.service.namespace, server.service.service
                found.setdefault(key, _called(each, server)).add(each.intent, server)
        for _, called in sorted(found.items(), key=lambda item: item[0]):
            yield DerivedObject(called.service(), tuple(called.intents))
            yield from called.slices()


CARRIER: Carrier = ReportedAddresses()


def _server(connection: Connection) -> ComponentServer | None:
    """The server, if it is on a cluster that has nothing in common with that of the client."""
    apart = connection.case is Case.APART and isinstance(connection.client, ComponentClient)
    server = connection.server
    return server if apart and isinstance(server, ComponentServer) else None


def _called(connection: Connection, server: ComponentServer) -> _Called:
    """The Service in the client's cluster, named after the client: others may call it too."""
    client, service = connection.client, server.service
    assert isinstance(client, ComponentClient)
    first = client.pods[0]
    foreign = "" if service.namespace == first.namespace else f"-{service.namespace}"
    return _Called(f"connect-{first.workload}-to-{service.service}{foreign}", first.namespace)
