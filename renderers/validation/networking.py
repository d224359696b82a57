"""Rules for Ingresses and network policies.

Source: k8s.io/kubernetes/pkg/apis/networking/validation.
"""

from ipaddress import ip_network

from planners.model import Json
from renderers.validation.checks import (
    PORT_NUMBER,
    Check,
    Object,
    Place,
    Violations,
    absent,
    both,
    each,
    exactly_one,
    integer,
    mapping,
    one_of,
    shape,
    text,
)
from renderers.validation.formats import (
    ABSOLUTE_PATH,
    HOST_OR_ADDRESS,
    NETWORK,
    PATH_SEGMENT,
    PORT_NAME,
    SUBDOMAIN,
    WILDCARD_HOST,
    port,
    service_name,
)
from renderers.validation.metadata import SELECTOR

_UNCLEAN = ("//", "/./", "/../", "%2f", "%2F")
_UNCLEAN_ENDS = ("/..", "/.")


def _path(item: Object, place: Place) -> Violations:
    """Exact and Prefix paths are absolute and normal."""
    path, where = text(item.get("path")), place.at("path")
    if text(item.get("pathType")) not in {"Exact", "Prefix"}:
        yield from ABSOLUTE_PATH(path or "/", where)
    elif not path.startswith("/"):
        yield where.violation("must begin with /")
    elif any(each in path for each in _UNCLEAN) or path.endswith(_UNCLEAN_ENDS):
        yield where.violation("must not contain //, /./, /../ or %2F")


def _one_port(item: Object, place: Place) -> Violations:
    """A backend names its port or numbers it."""
    stated = mapping(item.get("port"))
    found = [key for key in ("name", "number") if stated.get(key)]
    if len(found) != 1:
        yield place.at("port").violation("requires either name or number")


def _something(spec: Object, place: Place) -> Violations:
    """An Ingress has rules or a default."""
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        yield place.violation("requires rules or defaultBackend")


_BACKEND = shape(
    {
        "service": shape(
            {
                "name": service_name,
                "port": shape({"name": PORT_NAME, "number": PORT_NUMBER}),
            },
            _one_port,
            required=("name",),
        ),
        "resource": shape(
            {"apiGroup": SUBDOMAIN, "kind": PATH_SEGMENT, "name": PATH_SEGMENT},
            required=("kind", "name"),
            filled=("apiGroup",),
        ),
    },
    exactly_one("service", "resource", word="backend"),
)
_PATHS = each(
    shape(
        {
            "pathType": one_of("Exact", "Prefix", "ImplementationSpecific"),
            "backend": _BACKEND,
        },
        _path,
        required=("pathType", "backend"),
    )
)
_INGRESS = shape(
    {
        "ingressClassName": SUBDOMAIN,
        "defaultBackend": _BACKEND,
        "rules": each(
            shape(
                {
                    "host": WILDCARD_HOST,
                    "http": shape({"paths": _PATHS}, required=("paths",)),
                }
            )
        ),
        "tls": each(shape({"hosts": each(HOST_OR_ADDRESS), "secretName": SUBDOMAIN})),
    },
    _something,
    filled=("ingressClassName",),
)


def _end_port(item: Object, place: Place) -> Violations:
    """A range of ports begins with a number that is not above its end."""
    end, first = integer(item.get("endPort")), item.get("port")
    if end is None:
        return
    number = integer(first)
    if number is None:
        yield place.at("endPort").violation("is only allowed if port is a number")
    elif end < number:
        yield place.at("endPort").violation("must be at least port")


def _peer(item: Object, place: Place) -> Violations:
    """A peer is a block of addresses or a selection of pods."""
    selected = [key for key in ("podSelector", "namespaceSelector") if item.get(key) is not None]
    if item.get("ipBlock") is None and not selected:
        yield place.violation("requires podSelector, namespaceSelector or ipBlock")
    elif item.get("ipBlock") is not None and selected:
        yield place.at("ipBlock").violation(f"must not be set beside {selected[0]}")


def _exceptions(item: Object, place: Place) -> Violations:
    """Exceptions lie within their block."""
    listed = item.get("except")
    for index, exception in enumerate(listed if isinstance(listed, list) else []):
        if not _within(text(exception), text(item.get("cidr"))):
            yield place.at("except", index).violation("must be a smaller network within cidr")


def _within(inner: str, outer: str) -> bool:
    try:
        small, large = ip_network(inner, strict=False), ip_network(outer, strict=False)
    except ValueError:
        return True
    return (
        small.version == large.version
        and large.prefixlen < small.prefixlen
        and small.network_address in large
    )


_PEERS = each(
    shape(
        {
            "podSelector": SELECTOR,
            "namespaceSelector": SELECTOR,
            "ipBlock": shape(
                {"cidr": NETWORK, "except": each(NETWORK)}, _exceptions, required=("cidr",)
            ),
        },
        _peer,
    )
)
_POLICY_PORTS = each(
    shape(
        {"port": port, "endPort": PORT_NUMBER, "protocol": one_of("TCP", "UDP", "SCTP")},
        _end_port,
        filled=("port", "protocol"),
    )
)


def _policy_types(value: Json, place: Place) -> Violations:
    if isinstance(value, list) and len(value) > 2:  # noqa: PLR2004 - Ingress and Egress
        yield place.violation("must be at most Ingress and Egress")


_POLICY = shape(
    {
        "podSelector": SELECTOR,
        "policyTypes": both(each(one_of("Ingress", "Egress")), _policy_types),
        "ingress": each(shape({"ports": _POLICY_PORTS, "from": _PEERS})),
        "egress": each(shape({"ports": _POLICY_PORTS, "to": _PEERS})),
    }
)


def _controller(value: Json, place: Place) -> Violations:
    if absent(value) or "/" not in text(value):
        yield place.violation("must be a domain and a path, such as example.com/ingress")


KINDS: dict[tuple[str, str], Check] = {
    ("networking.k8s.io", "Ingress"): shape({"spec": _INGRESS}, required=("spec",)),
    ("networking.k8s.io", "NetworkPolicy"): shape({"spec": _POLICY}),
    ("networking.k8s.io", "IngressClass"): shape(
        {"spec": shape({"controller": _controller}, required=("controller",))}, required=("spec",)
    ),
}
