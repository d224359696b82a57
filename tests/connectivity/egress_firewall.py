"""EgressFirewall, k8s.ovn.org/v1.

Source: OKD API reference, "EgressFirewall [k8s.ovn.org/v1]": for traffic from a pod to addresses
outside of the cluster, the rules of its namespace's EgressFirewall (named `default`) count in their
order; what no rule matches is allowed. It comes on top of NetworkPolicies.
"""

from tests.connectivity.selectors import Json, in_range
from tests.connectivity.traffic import Direction, Side


def allows(side: Side) -> bool:
    """Whether the firewall of the pod's namespace lets the packet leave the cluster."""
    if side.direction is not Direction.EGRESS or side.peer is not None:
        return True
    for each in side.cluster.of("EgressFirewall.k8s.ovn.org"):
        metadata = each["metadata"]
        if (metadata["namespace"], metadata["name"]) == (side.pod.namespace, "default"):
            for rule in each["spec"]["egress"]:
                if _matches(rule, side):
                    return bool(rule["type"] == "Allow")
    return True


def _matches(rule: Json, side: Side) -> bool:
    to, ports = rule["to"], rule.get("ports")
    if "cidrSelector" in to:
        found = in_range(to["cidrSelector"], side.other.ip)
    elif "dnsName" in to:
        found = any(_is_name(to["dnsName"], name) for name in side.other.names)
    else:
        found = False
    return found and (
        not ports
        or any(each["protocol"] == side.transport and side.is_port(each["port"]) for each in ports)
    )


def _is_name(pattern: str, name: str) -> bool:
    """`*` stands for exactly one label (OpenShift, "wildcard DNS names" of egress firewalls)."""
    if not pattern.startswith("*."):
        return name == pattern
    return name.partition(".")[2] == pattern[2:]
