"""NetworkPolicy, networking.k8s.io/v1.

Source: Kubernetes, "Network Policies", and the API reference of NetworkPolicySpec:

- a pod is isolated in a direction once any policy selects it for that direction; then the union of
  their rules is what is allowed, and policies never conflict;
- without `policyTypes`, Ingress always applies, and Egress if there is an egress section;
- `from`/`to` absent or empty: every peer; `ports` absent or empty: every port; a port without
  number: every port of the protocol, which is TCP if not given; `endPort` ends a range;
- in one peer, namespaceSelector and podSelector are ANDed; podSelector alone is the policy's own
  namespace; ipBlock stands alone.
"""

from collections.abc import Iterator

from tests.connectivity.selectors import Json, in_block, selects
from tests.connectivity.traffic import Direction, Side


def decide(side: Side) -> bool | None:
    """Accepted or not by the policies that select the pod; None if no policy does."""
    specs = list(selecting(side))
    if not specs:
        return None
    section = side.direction.lower()
    return any(_allows(rule, side) for spec in specs for rule in spec.get(section) or [])


def selecting(side: Side) -> Iterator[Json]:
    """The specs of the policies that isolate the pod in this direction."""
    for each in side.cluster.of("NetworkPolicy.networking.k8s.io"):
        spec = each["spec"]
        if (
            each["metadata"]["namespace"] == side.pod.namespace
            and side.direction in _types(spec)
            and selects(spec.get("podSelector", {}), side.pod.labels)
        ):
            yield spec


def _types(spec: Json) -> set[str]:
    given = spec.get("policyTypes")
    if given:
        return set(given)
    return {Direction.INGRESS.value} | ({Direction.EGRESS.value} if "egress" in spec else set())


def _allows(rule: Json, side: Side) -> bool:
    peers = rule.get("from" if side.direction is Direction.INGRESS else "to")
    ports = rule.get("ports")
    return (not peers or any(matches_peer(each, side) for each in peers)) and (
        not ports or any(_is_port(each, side) for each in ports)
    )


def matches_peer(peer: Json, side: Side) -> bool:
    """Whether the other end is this peer."""
    if "ipBlock" in peer:
        if "cilium" in side.cluster.facts.engines and side.peer is not None:
            return (
                False  # Cilium, API of EgressRule.toCIDR: only for what is outside of the cluster
            )
        return in_block(peer["ipBlock"], side.other.ip)
    pod = side.peer
    if pod is None:
        return False
    if "namespaceSelector" in peer:
        in_namespace = selects(peer["namespaceSelector"], side.cluster.labels_of(pod.namespace))
    else:
        in_namespace = pod.namespace == side.pod.namespace
    return in_namespace and selects(peer.get("podSelector", {}), pod.labels)


def _is_port(port: Json, side: Side) -> bool:
    if port.get("protocol", "TCP") != side.transport:
        return False
    return "port" not in port or side.is_port(port["port"], port.get("endPort"))
