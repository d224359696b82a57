"""Whether the network lets a packet through: every policy engine at both of its ends.

Sources: Kubernetes, "Network Policies" ("The two sorts of pod isolation": the egress policy of the
source and the ingress policy of the destination must both allow); network-policy-api,
`apis/v1alpha2/clusternetworkpolicy_types.go` (`Tier`: Admin, then NetworkPolicy, which decides for
the pods that it selects, then Baseline; what nobody decides is accepted).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.connectivity import cilium, cluster_network_policy, egress_firewall, network_policy
from tests.connectivity.fleet import DNS, Cluster, Fleet
from tests.connectivity.traffic import Direction, Party, Request, Side

EGRESS, INGRESS = Direction.EGRESS, Direction.INGRESS


@dataclass(frozen=True, slots=True)
class Packet:
    """From one party to a port of another; with the request, where nothing hides it."""

    source: Party
    destination: Party
    port: int
    transport: str = "TCP"
    request: Request = field(default_factory=Request)


def refusals(fleet: Fleet, packet: Packet) -> Iterator[str]:
    """Who drops the packet; nobody, if it arrives."""
    ends = (
        (EGRESS, packet.source, packet.destination),
        (INGRESS, packet.destination, packet.source),
    )
    for direction, own, other in ends:
        if own.pod is None or (own.pod.platform and not _is_waypoint(own)):
            continue
        cluster = fleet[own.pod.cluster]
        listener = packet.destination.pod
        side = Side(cluster, own.pod, other, direction, listener, packet.port, packet.transport)
        if not _accepted(side, packet.request):
            yield f"{direction.lower()} of {own.pod} ({packet.port}/{packet.transport})"


def _is_waypoint(party: Party) -> bool:
    """Waypoints run in the namespaces of tenants, under their policies; gateways do not."""
    return party.pod is not None and "gateway.networking.k8s.io/gateway-name" in party.pod.labels


def arrives(fleet: Fleet, packet: Packet) -> bool:
    """Whether nobody drops the packet."""
    return next(refusals(fleet, packet), None) is None


def _accepted(side: Side, request: Request) -> bool:
    engines = side.cluster.facts.engines
    tiers = "cluster-network-policy" in engines
    verdict = cluster_network_policy.decide(side, "Admin") if tiers else None
    if verdict is None:
        if "cilium" in engines:
            verdict = cilium.decide(side, request, resolves=may_resolve)
        else:
            verdict = network_policy.decide(side)
    if verdict is None and tiers:
        verdict = cluster_network_policy.decide(side, "Baseline")
    if verdict is False:
        return False
    return "ovn" not in engines or egress_firewall.allows(side)


def may_resolve(side: Side, name: str) -> bool:
    """Whether the pod's queries for the name pass Cilium's DNS proxy, which learns its addresses.

    Cilium, "Layer 3 Policies", DNS based: `toFQDNs` matches only addresses that a rule with
    `rules.dns` let the pod look up.
    """
    dns = side.cluster.platform_pod("coredns")
    query = Side(side.cluster, side.pod, Party(dns), EGRESS, dns, DNS, "UDP")
    return cilium.observes_dns(query, name)


def resolves_names(fleet: Fleet, cluster: Cluster, source: Party) -> bool:
    """Whether a pod reaches the DNS of its cluster (Kubernetes, "DNS for Services and Pods")."""
    dns = Party(cluster.platform_pod("coredns"))
    return any(arrives(fleet, Packet(source, dns, DNS, each)) for each in ("UDP", "TCP"))
