"""OVN-Kubernetes: pods leave the cluster for declared hosts by name, where egress is denied.

Sources: ovn-kubernetes, `pkg/crd/egressfirewall/v1/types.go` (for traffic that leaves the cluster,
the first matching rule decides, and what no rule matches passes; `*` stands for one label),
`docs/features/network-security-controls/egress-firewall.md` (one object for a namespace, for all of
its pods) and `docs/design/acls.md` (it applies beside NetworkPolicies: both must admit a
connection). Kubernetes documentation, "Network Policies" (`ipBlock` and `except`).

So a NetworkPolicy opens the ports of the hosts for the pods that call them, and the firewall of
their namespace closes these ports for all other destinations. It restricts no other port.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TypeAlias

from planners.model import Json
from planners.model.connectivity import ConnectivityIntent
from planners.model.network import EgressEngine, Network
from renderers.carriers import Carrier
from renderers.connections import (
    Address,
    ComponentClient,
    ComponentServer,
    ConnectedUnit,
    Connection,
    DerivedObject,
    HostServer,
    Need,
    PodSet,
    RangeServer,
)

_Port: TypeAlias = tuple[int, str]
_Place: TypeAlias = tuple[str, str]
"""A cluster and a namespace."""

EVERYWHERE = ("0.0.0.0/0", "::/0")


@dataclass(slots=True)
class _Firewall:
    """What the pods of a namespace may reach outside of their cluster, and for which intents."""

    hosts: dict[_Port, dict[str, None]] = field(default_factory=dict)
    ranges: dict[tuple[str, _Port | None], None] = field(default_factory=dict)
    intents: dict[ConnectivityIntent, None] = field(default_factory=dict)

    def add(self, connection: Connection) -> None:
        """Let a connection through; what reaches pods of other clusters, on any port."""
        server, transport = connection.server, connection.protocol.transport
        match server:
            case HostServer():
                self.hosts.setdefault((server.port, transport), {})[server.host] = None
                self.intents[connection.intent] = None
            case RangeServer():
                self.ranges[server.cidr, (server.port, transport)] = None
            case ComponentServer():
                if connection.case.crosses:
                    self.ranges.update(((each, None), None) for each in _blocks(server))

    def json(self) -> list[Json]:
        """The rules in their order: what passes, then everything else on the ports of hosts."""
        found: list[Json] = [
            _rule("Allow", {"dnsName": host}, (port,))
            for port, hosts in sorted(self.hosts.items())
            for host in sorted(hosts)
        ]
        known = [(cidr, port) for cidr, port in self.ranges if port is None or port in self.hosts]
        for cidr, port in sorted(known, key=repr):
            found.append(_rule("Allow", {"cidrSelector": cidr}, () if port is None else (port,)))
        closed = tuple(sorted(self.hosts))
        return [*found, *(_rule("Deny", {"cidrSelector": each}, closed) for each in EVERYWHERE)]


@dataclass(frozen=True, slots=True)
class OvnNames:
    """Admits egress to hosts by EgressFirewalls."""

    name: str = "ovn"
    summary: str = (
        "EgressFirewalls, on clusters with `egress: ovn`: where the tenant denies egress, the "
        "clients reach the declared hosts by name; one component of a namespace may call hosts."
    )

    def meets(self, connection: Connection) -> frozenset[Need]:
        """Admission by names, where OVN controls egress of the client's cluster."""
        if not _enforces(connection):
            return frozenset()
        return frozenset({Need.ADMISSION, Need.NAMES})

    def missing(self, connection: Connection) -> str:
        """Nothing: `cilium` says that an engine is to be stated."""
        del connection
        return ""

    def address(self, connection: Connection) -> Address | None:
        """None: policies open ways, and make none."""
        del connection
        return None

    def conflicts(self, connections: Sequence[Connection]) -> Iterator[tuple[Connection, str]]:
        """Calls of other components from a namespace that has the firewall of one of them."""
        owners: dict[_Place, tuple[str, set[_Port]]] = {}
        for each in connections:
            if _enforces(each):
                for place in _places(each):
                    owner, ports = owners.setdefault(place, (_component(each), set()))
                    if owner == _component(each):
                        ports |= _leaving(each)
                    else:
                        yield each, _shared(place, owner)
        for each in connections:
            for place in _places(each):
                owner, ports = owners.get(place, ("", set()))
                if owner != _component(each) and not _enforces(each) and ports & _leaving(each):
                    yield each, _shared(place, owner)

    def server_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """None: the servers are outside of the fleet."""
        del unit
        yield from ()

    def client_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """The firewall of each namespace, and a policy for each workload that calls hosts.

        Without a set-up of the tenant that denies egress, both would close other ways.
        """
        if unit.tenant.deploy is None:
            return
        firewalls: dict[str, _Firewall] = {}
        callers: dict[PodSet, None] = {}
        for each in unit.calls:
            if isinstance(each.client, ComponentClient):
                for pods in each.client.pods:
                    firewalls.setdefault(pods.namespace, _Firewall()).add(each)
                    if _enforces(each):
                        callers[pods] = None
        for namespace, firewall in firewalls.items():
            if firewall.hosts and callers:
                yield _egress_firewall(namespace, firewall)
        for pods in callers:
            yield _network_policy(pods, firewalls[pods.namespace], unit.cluster.network)


CARRIER: Carrier = OvnNames()


def _blocks(server: ComponentServer) -> Iterator[str]:
    """Where other clusters reach a server: its pods, its gateway, or what is reported of it."""
    network, addresses = server.cluster.network, [*server.addresses]
    if network.east_west is not None and network.east_west.has_ip:
        addresses.append(network.east_west.address)
    yield from network.pod_ranges
    yield from (str(ip_network(each)) for each in addresses)


def _enforces(connection: Connection) -> bool:
    client = connection.client
    return (
        isinstance(connection.server, HostServer)
        and isinstance(client, ComponentClient)
        and client.cluster.network.egress is EgressEngine.OVN
    )


def _places(connection: Connection) -> Iterator[_Place]:
    client = connection.client
    if isinstance(client, ComponentClient):
        for namespace in dict.fromkeys(each.namespace for each in client.pods):
            yield client.cluster.name, namespace


def _component(connection: Connection) -> str:
    assert isinstance(connection.client, ComponentClient)
    return connection.client.unit.component


def _leaving(connection: Connection) -> set[_Port]:
    """The ports on which a connection leaves the cluster of its client."""
    server, transport = connection.server, connection.protocol.transport
    if isinstance(server, HostServer | RangeServer):
        return {(server.port, transport)}
    if not connection.case.crosses:
        return set()
    gateway, service = server.cluster.network.east_west, server.service
    through = {(gateway.port, "TCP")} if gateway is not None else set()
    return through | {(each, service.transport) for each in (service.port, *service.targets)}


def _shared(place: _Place, owner: str) -> str:
    return (
        f"namespace {place[1]} has the EgressFirewall of component {owner}, which calls hosts; OVN "
        f"knows one for all pods of a namespace: use another namespace, or `to.cidr` and another "
        f"port"
    )


def _rule(kind: str, to: dict[str, Json], ports: tuple[_Port, ...]) -> Json:
    stated: Json = [{"port": number, "protocol": transport} for number, transport in ports]
    return {"type": kind, "to": to, **({"ports": stated} if ports else {})}


def _egress_firewall(namespace: str, firewall: _Firewall) -> DerivedObject:
    item: dict[str, Json] = {
        "apiVersion": "k8s.ovn.org/v1",
        "kind": "EgressFirewall",
        "metadata": {"name": "default", "namespace": namespace},
        "spec": {"egress": firewall.json()},
    }
    return DerivedObject(item, tuple(firewall.intents))


def _network_policy(pods: PodSet, firewall: _Firewall, network: Network) -> DerivedObject:
    """The ports of the hosts, for all that is not known to be pods of the cluster."""
    to: list[Json] = []
    for cidr in EVERYWHERE:
        block: dict[str, Json] = {"cidr": cidr}
        version = ip_network(cidr).version
        inside: Json = [each for each in network.pod_ranges if ip_network(each).version == version]
        to.append({"ipBlock": {**block, "except": inside} if inside else block})
    ports: list[Json] = [
        {"port": number, "protocol": transport} for number, transport in sorted(firewall.hosts)
    ]
    item: dict[str, Json] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"connect-names-{pods.workload}", "namespace": pods.namespace},
        "spec": {
            "podSelector": {"matchLabels": dict(pods.labels)},
            "policyTypes": ["Egress"],
            "egress": [{"to": to, "ports": ports}],
        },
    }
    return DerivedObject(item, tuple(firewall.intents))
