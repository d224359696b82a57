"""Connections: every pair that may talk, with the pods, Services and ports of both sides.

These are the values that carriers read. A connection has a client and a server side, each with its
cluster; what is on neither side of the fleet has no cluster.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from planners.connect import Case
from planners.model import Cluster, Json, Tenant, Unit
from planners.model.addresses import RefusedAddress, ServicePlace
from planners.model.connectivity import ConnectivityIntent, Protocol, TlsMode

Object: TypeAlias = dict[str, Json]
Labels: TypeAlias = tuple[tuple[str, str], ...]

GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
"""The label with the name of its Gateway, on pods that run for one (Gateway API, GEP-1762)."""

ADDRESS_OF = "switchyard.dev/address-of"
"""The annotation of an EndpointSlice with the Service whose addresses it has."""


@dataclass(frozen=True, slots=True)
class PodSet:
    """The pods of one workload: its name, their namespace, labels that select them, account."""

    workload: str
    namespace: str
    labels: Labels
    account: str


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service: `targets` are the numbers of the containers' ports that it leads to.

    `transport` is TCP or UDP. `selector` is that of the Service, in its `namespace`. `exposed`: it
    has an address for others than its cluster, and its pods see the address of who calls.
    """

    service: str
    namespace: str
    selector: Labels
    port: int
    name: str
    transport: str
    targets: tuple[int, ...]
    headless: bool = False
    exposed: bool = False

    @property
    def full_name(self) -> str:
        """Its name in the DNS of its cluster, with all that belongs to it."""
        return f"{self.service}.{self.namespace}.svc.cluster.local"

    @property
    def called_port(self) -> int:
        """The port for clients of its name.

        Source: Kubernetes documentation, "Headless Services": the name stands for the pods, whose
        ports nothing translates.
        """
        return self.targets[0] if self.headless else self.port


@dataclass(frozen=True, slots=True)
class ComponentClient:
    """The pods of a component on one cluster that call."""

    unit: Unit
    cluster: Cluster
    pods: tuple[PodSet, ...]


@dataclass(frozen=True, slots=True)
class NamespaceClient:
    """All pods of a namespace on the server's cluster."""

    namespace: str


@dataclass(frozen=True, slots=True)
class RangeClient:
    """Whoever has an address of a network."""

    cidr: str

    @property
    def is_everybody(self) -> bool:
        """Whether it is all networks."""
        return self.cidr.endswith("/0")


@dataclass(frozen=True, slots=True)
class ComponentServer:
    """A Service of a component on one cluster, and the pods behind it.

    `addresses` are those that its cluster has reported and that others may be sent to, `refused` is
    one that does not count.
    """

    unit: Unit
    cluster: Cluster
    service: ServicePort
    pods: tuple[PodSet, ...]
    addresses: tuple[str, ...] = ()
    refused: RefusedAddress | None = None

    @property
    def place(self) -> ServicePlace:
        """The Service."""
        return ServicePlace(self.cluster.name, self.service.namespace, self.service.service)


@dataclass(frozen=True, slots=True)
class HostServer:
    """A port of a host outside of the fleet."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class RangeServer:
    """A port of the addresses of a network."""

    cidr: str
    port: int


Client: TypeAlias = ComponentClient | NamespaceClient | RangeClient
Server: TypeAlias = ComponentServer | HostServer | RangeServer


class Need(StrEnum):
    """What a connection needs beyond a network in which all pods reach each other."""

    ADMISSION = "policies that admit it"
    ROUTE = "a way from one cluster to the other"
    ENTRY = "an entry from outside"
    REQUESTS = "a check of methods and paths"
    ENCRYPTION = "encryption with the identities of both sides"
    NAMES = "a check of the names of hosts"


@dataclass(frozen=True, slots=True)
class Connection:
    """One pair that may talk: `client` to `server`, by the way of `case`, for one `intent`."""

    intent: ConnectivityIntent
    case: Case
    client: Client
    server: Server

    @property
    def protocol(self) -> Protocol:
        """What is spoken."""
        return self.intent.callee.protocol

    @property
    def needs(self) -> frozenset[Need]:
        """What carriers must provide for it to work as it is declared."""
        found = {Need.ADMISSION}
        if self.case.crosses:
            found.add(Need.ROUTE)
        if self.intent.external is not None:
            found.add(Need.ENTRY)
        if self.intent.allow:
            found.add(Need.REQUESTS)
        if self.intent.tls is TlsMode.STRICT:
            found.add(Need.ENCRYPTION)
        if isinstance(self.server, HostServer):
            found.add(Need.NAMES)
        return frozenset(found)

    def __str__(self) -> str:
        """`cart may call payment on eu-1 from eu-2`."""
        at = f" on {self.server.unit.cluster}" if isinstance(self.server, ComponentServer) else ""
        start = ""
        if isinstance(self.client, ComponentClient):
            start = f" from {self.client.unit.cluster}"
            start = " in the same cluster" if self.case is Case.SAME_CLUSTER else start
        return f"{self.intent.caller} may call {self.intent.callee}{at}{start}"


@dataclass(frozen=True, slots=True)
class Address:
    """Under what name and port a client reaches a server."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ConnectedUnit:
    """One component on one cluster as carriers see it, with its part of the connections.

    `objects` are the rendered objects of the unit, without derived ones. `serves` are the
    connections whose server it is, `calls` those whose client it is, both in a fixed order.
    """

    unit: Unit
    cluster: Cluster
    tenant: Tenant
    application: str
    objects: Sequence[Mapping[str, Json]]
    serves: tuple[Connection, ...]
    calls: tuple[Connection, ...]


@dataclass(frozen=True, slots=True)
class DerivedObject:
    """An object that a carrier adds to a unit, and the intents that it was derived from.

    `notes` are annotations that are reserved for Switchyard.
    """

    item: Object
    intents: tuple[ConnectivityIntent, ...]
    notes: tuple[tuple[str, str], ...] = ()


def service_address(server: ComponentServer) -> Address:
    """The name of a Service in its own cluster.

    Source: Kubernetes documentation, "DNS for Services and Pods": pods find
    `<service>.<namespace>.svc` by their search domains, whatever the domain of the cluster.
    """
    service = server.service
    return Address(f"{service.service}.{service.namespace}.svc", service.called_port)


def entry_gateway(service: ServicePort) -> str:
    """The name of the Gateway (Gateway API) through which others outside reach a Service."""
    return f"connect-to-{service.service}"


def waypoint_of(service: ServicePort) -> str:
    """The name of the waypoint of a Service in an ambient mesh, and of its account."""
    return f"connect-waypoint-{service.service}"


def written_place(place: ServicePlace) -> str:
    """A Service as the annotation `ADDRESS_OF` names it."""
    return "/".join(place)


def read_place(text: str) -> ServicePlace | None:
    """What `written_place` wrote; None for anything else."""
    parts = text.split("/")
    return ServicePlace(*parts) if len(parts) == len(ServicePlace._fields) else None
