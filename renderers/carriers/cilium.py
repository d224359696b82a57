"""Cilium: pods leave the cluster for declared hosts by name, where the tenant denies egress.

Sources, all of the Cilium documentation: "Layer 3 Policies", "DNS based" (`toFQDNs` admits the
addresses that the pod itself has looked up, seen by Cilium's DNS proxy; so the policy needs a rule
for port 53 with `rules.dns`, and a look-up that this rule refuses teaches no address); "Layer 7
Policies", "DNS Policy and IP Discovery" (a resolver also asks for the name with each search domain
of the pod: a rule for the bare name alone refuses those questions); "Policy Enforcement Modes" (a
policy with `egress` closes the egress of its pods, and policies of all kinds add up).
CustomResourceDefinition `ciliumnetworkpolicies.cilium.io`, v2: ports are strings.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from planners.model import Json
from planners.model.connectivity import ConnectivityIntent
from planners.model.network import EgressEngine
from renderers.carriers import Carrier
from renderers.connections import (
    Address,
    ComponentClient,
    ConnectedUnit,
    Connection,
    DerivedObject,
    HostServer,
    Need,
    PodSet,
)

_DNS: Json = {
    "toEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "kube-system"}}],
    "toPorts": [
        {
            "ports": [{"port": "53", "protocol": "ANY"}],
            "rules": {"dns": [{"matchPattern": "*"}]},
        }
    ],
}


@dataclass(slots=True)
class _Names:
    """The hosts that pods may reach, for each set of ports, and the intents behind them."""

    hosts: dict[tuple[int, str], dict[str, None]] = field(default_factory=dict)
    intents: dict[ConnectivityIntent, None] = field(default_factory=dict)

    def add(self, intent: ConnectivityIntent, server: HostServer) -> None:
        """Open a port of a host."""
        at = server.port, intent.callee.protocol.transport
        self.hosts.setdefault(at, {})[server.host] = None
        self.intents[intent] = None

    def json(self) -> list[Json]:
        """The rules as in a manifest, ordered by ports, with the one for look-ups."""
        rules: list[Json] = [
            {
                "toFQDNs": [_name(host) for host in sorted(hosts)],
                "toPorts": [{"ports": [{"port": str(port), "protocol": transport}]}],
            }
            for (port, transport), hosts in sorted(self.hosts.items())
        ]
        return [*rules, _DNS]


@dataclass(frozen=True, slots=True)
class CiliumNames:
    """Admits egress to hosts by CiliumNetworkPolicies."""

    name: str = "cilium"
    summary: str = (
        "CiliumNetworkPolicies, on clusters with `egress: cilium`: where the tenant denies egress, "
        "the clients reach the declared hosts by name, whatever their addresses."
    )

    def meets(self, connection: Connection) -> frozenset[Need]:
        """Admission by names, where Cilium enforces egress of the client's cluster."""
        if _host(connection) is None or not _enforces(connection):
            return frozenset()
        return frozenset({Need.ADMISSION, Need.NAMES})

    def missing(self, connection: Connection) -> str:
        """The egress engine, where the client's cluster states none that knows names."""
        if _host(connection) is None or not isinstance(connection.client, ComponentClient):
            return ""
        cluster = connection.client.cluster
        if cluster.network.egress is EgressEngine.NONE:
            return (
                f"state `spec.network.egress` of cluster {cluster.name}, or allow the networks "
                "of the host by `to.cidr`"
            )
        return ""

    def address(self, connection: Connection) -> Address | None:
        """None: policies open ways, and make none."""
        del connection
        return None

    def server_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """None: the servers are outside of the fleet."""
        del unit
        yield from ()

    def client_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """One policy for each workload that calls hosts, if the tenant's set-up denies egress.

        Elsewhere a policy would close all other ways of these pods.
        """
        if unit.tenant.deploy is None:
            return
        found: dict[PodSet, _Names] = {}
        for each in unit.calls:
            host = _host(each)
            if host is None or not _enforces(each):
                continue
            assert isinstance(each.client, ComponentClient)
            for pods in each.client.pods:
                found.setdefault(pods, _Names()).add(each.intent, host)
        for pods, names in found.items():
            yield _policy(pods, names)


CARRIER: Carrier = CiliumNames()


def _host(connection: Connection) -> HostServer | None:
    return connection.server if isinstance(connection.server, HostServer) else None


def _enforces(connection: Connection) -> bool:
    client = connection.client
    return (
        isinstance(client, ComponentClient) and client.cluster.network.egress is EgressEngine.CILIUM
    )


def _name(host: str) -> Json:
    return {"matchPattern" if "*" in host else "matchName": host}


def _policy(pods: PodSet, names: _Names) -> DerivedObject:
    item: dict[str, Json] = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": f"connect-from-{pods.workload}", "namespace": pods.namespace},
        "spec": {
            "endpointSelector": {"matchLabels": dict(pods.labels)},
            "egress": names.json(),
        },
    }
    return DerivedObject(item, tuple(names.intents))
