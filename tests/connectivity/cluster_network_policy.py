"""ClusterNetworkPolicy, policy.networking.k8s.io/v1alpha2.

Source: network-policy-api, `apis/v1alpha2/clusternetworkpolicy_types.go`: lower `priority` first,
rules in their order, the first that matches decides; Accept and Deny are final, Pass goes on to the
next tier; `networks` match pods as well; `domainNames` only in rules that accept; a peer with no
known field matches nothing in Accept, everything in Deny and Pass.
"""

from tests.connectivity.selectors import Json, in_range, selects
from tests.connectivity.traffic import Direction, Side

KIND = "ClusterNetworkPolicy.policy.networking.k8s.io"


def decide(side: Side, tier: str) -> bool | None:
    """The tier's verdict; None if it has none or passes."""
    policies = [each for each in side.cluster.of(KIND) if each["spec"]["tier"] == tier]
    for each in sorted(policies, key=lambda it: (it["spec"]["priority"], it["metadata"]["name"])):
        spec = each["spec"]
        if not _is_subject(spec["subject"], side):
            continue
        for rule in spec.get(side.direction.lower()) or []:
            if _matches(rule, side):
                return {"Accept": True, "Deny": False, "Pass": None}[rule["action"]]
    return None


def _is_subject(subject: Json, side: Side) -> bool:
    return _selected(subject, side.pod.labels, side.cluster.labels_of(side.pod.namespace))


def _selected(chosen: Json, pod: Json, namespace: Json) -> bool:
    if "namespaces" in chosen:
        return selects(chosen["namespaces"], namespace)
    pods = chosen["pods"]
    return selects(pods["namespaceSelector"], namespace) and selects(pods["podSelector"], pod)


def _matches(rule: Json, side: Side) -> bool:
    peers = rule["from" if side.direction is Direction.INGRESS else "to"]
    protocols = rule.get("protocols")
    return any(_is_peer(each, rule["action"], side) for each in peers) and (
        not protocols or any(_is_protocol(each, side) for each in protocols)
    )


def _is_peer(peer: Json, action: str, side: Side) -> bool:
    if "networks" in peer:
        return any(in_range(each, side.other.ip) for each in peer["networks"])
    if "domainNames" in peer:
        return action == "Accept" and any(
            _is_name(pattern, name) for pattern in peer["domainNames"] for name in side.other.names
        )
    if "namespaces" in peer or "pods" in peer:
        pod = side.peer
        return pod is not None and _selected(
            peer, pod.labels, side.cluster.labels_of(pod.namespace)
        )
    return action != "Accept"


def _is_name(pattern: str, name: str) -> bool:
    return name == pattern or (pattern.startswith("*.") and name.endswith(pattern[1:]))


def _is_protocol(protocol: Json, side: Side) -> bool:
    if "destinationNamedPort" in protocol:
        return side.is_port(protocol["destinationNamedPort"])
    match = protocol.get(side.transport.lower())
    if match is None:
        return False
    port = match.get("destinationPort")
    if port is None:
        return True
    if "number" in port:
        return side.is_port(port["number"])
    return side.is_port(port["range"]["start"], port["range"]["end"])
