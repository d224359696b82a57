"""Rules for Services.

Source: k8s.io/kubernetes/pkg/apis/core/validation (validateService, validateServicePort). The
range of node ports is a flag of the API server; only the range of all ports is checked.
"""

from planners.model import Json
from renderers.validation.checks import (
    PORT_NUMBER,
    Check,
    Object,
    Place,
    Violations,
    absent,
    between,
    both,
    each,
    integer,
    mappings,
    one_of,
    only_with,
    shape,
    text,
    unique,
)
from renderers.validation.formats import (
    DNS_LABEL,
    IP_ADDRESS,
    LABEL_KEY,
    NETWORK,
    PORT_NAME,
    SUBDOMAIN,
)
from renderers.validation.metadata import labels

_MAX_TIMEOUT = 86400
_FAMILIES = one_of("IPv4", "IPv6")
_EXTERNAL = ("NodePort", "LoadBalancer")


def _type(spec: Object) -> str:
    return text(spec.get("type")) or "ClusterIP"


def _ports_present(spec: Object, place: Place) -> Violations:
    """Only headless Services and those of external names have no ports."""
    headless = spec.get("clusterIP") == "None"
    if not spec.get("ports") and not headless and _type(spec) != "ExternalName":
        yield place.violation("requires the field ports")
    if headless and _type(spec) in _EXTERNAL:
        yield place.at("clusterIP").violation(f"must not be None for a {_type(spec)} Service")


def _port_names(spec: Object, place: Place) -> Violations:
    """Each of several ports has a name."""
    ports = mappings(spec.get("ports"))
    for index, item in ports if len(ports) > 1 else []:
        if absent(item.get("name")):
            where = place.at("ports", index)
            yield where.violation("requires the field name, because there are several ports")


def _distinct_ports(spec: Object, place: Place) -> Violations:
    """No two ports have one number or node port for a protocol, which is TCP by default."""
    for field, word in (("port", "port"), ("nodePort", "node port")):
        seen: set[tuple[int, str]] = set()
        for index, item in mappings(spec.get("ports")):
            key = (integer(item.get(field)) or 0, text(item.get("protocol")) or "TCP")
            if key in seen and key[0]:
                where = place.at("ports", index, field)
                yield where.violation(f"is the {word} of an earlier item too")
            seen.add(key)


def _node_ports(spec: Object, place: Place) -> Violations:
    """Node ports are for Services that are reached from outside."""
    for index, item in mappings(spec.get("ports")) if _type(spec) == "ClusterIP" else []:
        if integer(item.get("nodePort")):
            where = place.at("ports", index, "nodePort")
            yield where.violation("is only allowed if type is NodePort or LoadBalancer")


def _external_name(spec: Object, place: Place) -> Violations:
    """The type ExternalName needs a name, and has no address."""
    if _type(spec) != "ExternalName":
        return
    if absent(spec.get("externalName")):
        yield place.violation("requires the field externalName, because type is ExternalName")
    for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if not absent(spec.get(field)) and spec.get(field) != []:
            yield place.at(field).violation("is not allowed if type is ExternalName")


def _trafficked_outside(spec: Object, place: Place) -> Violations:
    """The external policy needs traffic from outside; a health check needs the policy Local."""
    outside = _type(spec) in _EXTERNAL or bool(spec.get("externalIPs"))
    if not absent(spec.get("externalTrafficPolicy")) and not outside:
        where = place.at("externalTrafficPolicy")
        yield where.violation("is only allowed if type is NodePort or LoadBalancer")
    if integer(spec.get("healthCheckNodePort")) and not (
        _type(spec) == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"
    ):
        yield place.at("healthCheckNodePort").violation(
            "is only allowed if type is LoadBalancer and externalTrafficPolicy is Local"
        )


def _families(spec: Object, place: Place) -> Violations:
    """At most two address families, and two only if the policy allows them."""
    found = spec.get("ipFamilies")
    number = len(found) if isinstance(found, list) else 0
    policy = text(spec.get("ipFamilyPolicy")) or "SingleStack"
    if number > 1 and policy == "SingleStack":
        yield place.at("ipFamilies").violation(
            "must be one family if ipFamilyPolicy is SingleStack"
        )
    if isinstance(found, list) and number != len(set(map(str, found))):
        yield place.at("ipFamilies").violation("must not repeat a family")


def _addresses(spec: Object, place: Place) -> Violations:
    """ClusterIP and the first of clusterIPs are the same address."""
    several = spec.get("clusterIPs")
    first = several[0] if isinstance(several, list) and several else None
    if first is not None and spec.get("clusterIP") != first:
        yield place.at("clusterIPs", 0).violation("must equal clusterIP")


def _address(value: Json, place: Place) -> Violations:
    if value != "None":
        yield from IP_ADDRESS(value, place)


def _target_port(value: Json, place: Place) -> Violations:
    """A number or name; 0 stands for the port of the Service."""
    yield from (PORT_NAME if isinstance(value, str) else between(0, 65535))(value, place)


def _external(value: Json, place: Place) -> Violations:
    yield from SUBDOMAIN(text(value).removesuffix("."), place)


_PORTS = both(
    unique("name", word="name"),
    each(
        shape(
            {
                "name": DNS_LABEL,
                "port": PORT_NUMBER,
                "nodePort": between(0, 65535),
                "targetPort": _target_port,
                "protocol": one_of("TCP", "UDP", "SCTP"),
                "appProtocol": LABEL_KEY,
            },
            required=("port",),
            filled=("appProtocol",),
        )
    ),
)
_SPEC = shape(
    {
        "type": one_of("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
        "ports": _PORTS,
        "selector": labels,
        "sessionAffinity": one_of("None", "ClientIP"),
        "sessionAffinityConfig": shape(
            {"clientIP": shape({"timeoutSeconds": between(1, _MAX_TIMEOUT)})}
        ),
        "clusterIP": _address,
        "clusterIPs": each(_address),
        "externalIPs": each(IP_ADDRESS),
        "externalName": _external,
        "ipFamilies": each(_FAMILIES),
        "ipFamilyPolicy": one_of("SingleStack", "PreferDualStack", "RequireDualStack"),
        "externalTrafficPolicy": one_of("Cluster", "Local"),
        "internalTrafficPolicy": one_of("Cluster", "Local"),
        "loadBalancerSourceRanges": each(NETWORK),
        "loadBalancerClass": LABEL_KEY,
    },
    only_with("loadBalancerSourceRanges", "type", "LoadBalancer"),
    only_with("loadBalancerClass", "type", "LoadBalancer"),
    only_with("allocateLoadBalancerNodePorts", "type", "LoadBalancer"),
    _ports_present,
    _port_names,
    _distinct_ports,
    _node_ports,
    _external_name,
    _trafficked_outside,
    _families,
    _addresses,
    filled=("ipFamilyPolicy", "internalTrafficPolicy"),
)

KINDS: dict[tuple[str, str], Check] = {
    ("", "Service"): shape({"spec": _SPEC}, required=("spec",)),
}
