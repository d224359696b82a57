"""NetworkPolicies: exactly the declared pairs are open, on the ports of the pods.

Sources: Kubernetes documentation, "Network Policies" (policies only add up; a pod that any policy
selects for a direction is closed in it apart from what policies allow; ports are those of the pods,
after the translation of a Service's address; there are no host names). Istio documentation,
"Ambient and Kubernetes NetworkPolicy" (between pods of an ambient mesh, port 15008 is what is
seen) and "Layer 4 networking" (ztunnel takes TCP alone). Linkerd documentation, "Network Policy"
(between meshed pods, the proxy's port 4143 is what is seen).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network

from planners.connect import Case
from planners.model import Cluster, Json
from planners.model.connectivity import ConnectivityIntent, TlsMode
from planners.model.network import Ingress, Mesh, Network
from renderers.carriers import Carrier
from renderers.connections import (
    GATEWAY_NAME,
    Address,
    ComponentClient,
    ComponentServer,
    ConnectedUnit,
    Connection,
    DerivedObject,
    HostServer,
    Labels,
    NamespaceClient,
    Need,
    PodSet,
    RangeClient,
    RangeServer,
    ServicePort,
    entry_gateway,
    waypoint_of,
)

_NAMESPACE_NAME = "kubernetes.io/metadata.name"
HBONE = 15008
"""The port of tunnels between pods of an ambient mesh."""

LINKERD_PROXY = 4143
"""The port between pods with a proxy of Linkerd, whatever port is called."""


@dataclass(slots=True)
class _Rules:
    """The rules of one policy: the peers for each set of ports, and the intents behind them."""

    direction: str
    peers: dict[str, dict[str, Json]] = field(default_factory=dict)
    intents: dict[ConnectivityIntent, None] = field(default_factory=dict)

    def add(self, intent: ConnectivityIntent, peers: Iterable[Json], ports: list[Json]) -> None:
        """Open these ports for these peers; a rule without peers would open them for all."""
        self.intents[intent] = None
        peers = list(peers)
        if not peers:
            return
        known = self.peers.setdefault(json.dumps(ports, sort_keys=True), {})
        known.update((json.dumps(each, sort_keys=True), each) for each in peers)

    def json(self) -> list[Json]:
        """The rules as in a manifest, in an order of their own."""
        return [
            {self.direction: [peers[key] for key in sorted(peers)], "ports": json.loads(ports)}
            for ports, peers in sorted(self.peers.items())
        ]


@dataclass(frozen=True, slots=True)
class NetworkPolicies:
    """Admits connections by NetworkPolicies."""

    name: str = "network-policy"
    summary: str = (
        "NetworkPolicies, on every cluster: the declared callers reach the pods of the server on "
        "their ports; where the tenant denies egress, the clients may leave for these alone."
    )

    def meets(self, connection: Connection) -> frozenset[Need]:
        """Admission, where both sides have addresses that a NetworkPolicy can state."""
        return frozenset() if self._lack(connection) else frozenset({Need.ADMISSION})

    def missing(self, connection: Connection) -> str:
        """The facts without which the addresses are not known; entries say what they need."""
        return "" if connection.intent.external else self._lack(connection)

    def address(self, connection: Connection) -> Address | None:
        """None: policies open ways, and make none."""
        del connection
        return None

    def server_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """One policy for each called Service: who reaches the pods behind it."""
        found: dict[tuple[str, str, Labels], _Rules] = {}
        for each in unit.serves:
            server = each.server
            if not isinstance(server, ComponentServer) or self._lack(each):
                continue
            service = server.service
            rules = found.setdefault(
                (service.namespace, service.service, service.selector), _Rules("from")
            )
            rules.add(each.intent, _sources(each, server), _server_ports(each, server))
        for (namespace, name, selector), rules in found.items():
            yield _policy(f"connect-to-{name}", namespace, selector, rules)

    def client_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """One policy for each workload that calls, if the set-up of the tenant denies egress.

        Elsewhere a policy would close all other ways of these pods. Hosts are admitted by another
        carrier; DNS, and what proxies of a mesh need, by the set-up.
        """
        if unit.tenant.deploy is None:
            return
        found: dict[PodSet, _Rules] = {}
        for each in unit.calls:
            client = each.client
            if not isinstance(client, ComponentClient) or self._lack(each):
                continue
            for pods in client.pods:
                found.setdefault(pods, _Rules("to")).add(each.intent, *_destination(each))
        for pods, rules in found.items():
            yield _policy(f"connect-from-{pods.workload}", pods.namespace, pods.labels, rules)

    def _lack(self, connection: Connection) -> str:
        """Which fact is missing; empty if both sides can be stated."""
        client, server = connection.client, connection.server
        if isinstance(server, HostServer):
            return "a NetworkPolicy cannot name hosts"
        if isinstance(server, RangeServer):
            return ""
        if isinstance(client, RangeClient):
            ingress = server.cluster.network.ingress
            if connection.intent.external is None:
                return ""
            if ingress and (ingress.namespace or ingress.gateway_class):
                return ""
            return f"state `spec.network.ingress.namespace` of cluster {server.cluster.name}"
        if isinstance(client, NamespaceClient) or connection.case is Case.SAME_CLUSTER:
            return ""
        if _is_direct(connection):
            reached = "" if connection.case is Case.APART else _no_ranges(server.cluster)
            return _no_ranges(client.cluster) or reached
        gateway = server.cluster.network.east_west
        if gateway is None:
            return f"state `spec.network.eastWest` of cluster {server.cluster.name}"
        if not gateway.has_ip:
            return (
                f"state an IP address in `spec.network.eastWest.address` of cluster "
                f"{server.cluster.name}"
            )
        return ""


CARRIER: Carrier = NetworkPolicies()


def _policy(name: str, namespace: str, selector: Labels, rules: _Rules) -> DerivedObject:
    ingress = rules.direction == "from"
    spec: dict[str, Json] = {
        "podSelector": {"matchLabels": dict(selector)},
        "policyTypes": ["Ingress" if ingress else "Egress"],
    }
    spec["ingress" if ingress else "egress"] = rules.json()
    item: dict[str, Json] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
    return DerivedObject(item, tuple(rules.intents))


def _is_direct(connection: Connection) -> bool:
    """Whether pods of one cluster are seen in the other one under their own addresses."""
    client, server = connection.client, connection.server
    assert isinstance(client, ComponentClient)
    assert isinstance(server, ComponentServer)
    if connection.case in {Case.CLUSTER_SET, Case.APART}:
        return True
    ours, theirs = client.cluster.network, server.cluster.network
    return connection.case is Case.ONE_MESH and bool(ours.name) and ours.name == theirs.name


def _no_ranges(cluster: Cluster) -> str:
    if cluster.network.pod_ranges:
        return ""
    return f"state `spec.network.podRanges` of cluster {cluster.name}"


def _sources(connection: Connection, server: ComponentServer) -> Iterator[Json]:
    """Whom the server's pods see as the source."""
    client, network = connection.client, server.cluster.network
    match client:
        case NamespaceClient():
            yield _namespace(client.namespace)
            yield from _waypoint(server)
        case RangeClient():
            if connection.intent.external is not None and network.ingress is not None:
                yield _entry(network.ingress, server.service)
            else:
                yield {"ipBlock": {"cidr": client.cidr}}
        case ComponentClient():
            if connection.case is Case.SAME_CLUSTER:
                yield from (_pods(each.namespace, each.labels) for each in client.pods)
                yield from _waypoint(server)
            elif _is_direct(connection):
                yield from _blocks(client.cluster.network)
            elif network.east_west is not None:
                yield _namespace(network.east_west.namespace)


def _destination(connection: Connection) -> tuple[list[Json], list[Json]]:
    """Where the client's pods send to, and on which ports."""
    server = connection.server
    if isinstance(server, RangeServer):
        transport = connection.protocol.transport
        block: Json = {"ipBlock": {"cidr": server.cidr}}
        return [block], [_port(server.port, transport)]
    assert isinstance(server, ComponentServer)
    if connection.case is Case.SAME_CLUSTER:
        to = _pods(server.service.namespace, server.service.selector)
        return [to, *_waypoint(server)], _server_ports(connection, server)
    if connection.case is Case.APART:
        blocks: list[Json] = [
            {"ipBlock": {"cidr": str(ip_network(each))}} for each in server.addresses
        ]
        return blocks, [_port(server.service.port, server.service.transport)]
    if _is_direct(connection):
        return list(_blocks(server.cluster.network)), _server_ports(connection, server)
    gateway = server.cluster.network.east_west
    assert gateway is not None
    block = {"ipBlock": {"cidr": str(ip_network(gateway.address))}}
    return [block], [_port(gateway.port, "TCP")]


def _server_ports(connection: Connection, server: ComponentServer) -> list[Json]:
    """The ports of the pods, or that which a mesh uses in their place."""
    service, strict = server.service, connection.intent.tls is TlsMode.STRICT
    ports = [_port(each, service.transport) for each in service.targets]
    tunnel = _tunnel(connection, server)
    if service.transport != "TCP" or tunnel is None:
        return ports
    return [*([] if strict else ports), _port(tunnel, "TCP")]


def _tunnel(connection: Connection, server: ComponentServer) -> int | None:
    """The port that pods of one mesh call, whatever port the application calls."""
    client, mesh = connection.client, server.cluster.network.mesh
    other = client.cluster.network.mesh if isinstance(client, ComponentClient) else mesh
    if isinstance(client, RangeClient):
        return None
    if mesh is Mesh.LINKERD and other is Mesh.LINKERD:
        return LINKERD_PROXY
    return HBONE if mesh is Mesh.ISTIO_AMBIENT and other.is_istio else None


def _port(number: int, transport: str) -> Json:
    return {"port": number, "protocol": transport}


def _pods(namespace: str, labels: Labels) -> Json:
    return {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: namespace}},
        "podSelector": {"matchLabels": dict(labels)},
    }


def _namespace(name: str) -> Json:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: name}}}


def _entry(ingress: Ingress, service: ServicePort) -> Json:
    """The pods of the gateway: the platform's, or those that run for the Service's own Gateway."""
    if ingress.namespace:
        return _namespace(ingress.namespace)
    return _pods(service.namespace, ((GATEWAY_NAME, entry_gateway(service)),))


def _waypoint(server: ComponentServer) -> Iterator[Json]:
    """The waypoint of a Service in an ambient mesh, whether it has one or not."""
    if server.cluster.network.mesh is Mesh.ISTIO_AMBIENT:
        yield _pods(server.service.namespace, ((GATEWAY_NAME, waypoint_of(server.service)),))


def _blocks(network: Network) -> Iterator[Json]:
    for each in network.pod_ranges:
        yield {"ipBlock": {"cidr": each}}
