"""Where gateways lead: Istio's Gateway and VirtualService, and the Gateway API.

Sources: istio/api, `networking/v1alpha3/gateway.proto` (`selector` picks gateway pods in any
namespace; `hosts` with an optional namespace; modes: AUTO_PASSTHROUGH takes service and port from
the SNI `outbound_.<port>_.<subset>_.<host>` and holds that host, not the SNI, against `hosts`, see
istio/istio, `builtAutoPassthroughFilterChains`; PASSTHROUGH needs a VirtualService with
`sniHosts`, the others terminate) and `virtual_service.proto` (the first match of a list counts;
`gateways` names what it is bound to, without them `mesh`). Gateway API, "Gateway", "HTTPRoute",
"TLSRoute" (allowedRoutes default to the Gateway's namespace; hostnames of both must meet; the
most specific match wins; backends in other namespaces need a ReferenceGrant).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.connectivity.fleet import WAYPOINT_CLASS, Cluster, GatewayFacts
from tests.connectivity.selectors import Json, host_matches, selects
from tests.connectivity.traffic import Request

ISTIO_GATEWAY = "Gateway.networking.istio.io"
KUBERNETES_GATEWAY = "Gateway.gateway.networking.k8s.io"
AUTO_SNI = re.compile(r"^outbound_\.(\d+)_\.([^_]*)_\.(.+)$")
SERVICE_HOST = re.compile(r"^([a-z0-9-]+)\.([a-z0-9-]+)\.svc\.cluster\.local$")
GROUP = "gateway.networking.k8s.io"


@dataclass(frozen=True, slots=True)
class Arrival:
    """What reaches a gateway: its port, the name asked for, what is spoken, and how.

    `tls`: plain, tls (one side proves who it is) or mutual.
    """

    port: int
    host: str
    request: Request
    tls: str


@dataclass(frozen=True, slots=True)
class Way:
    """A Service that the gateway leads to; `through`: without ending the client's TLS.

    `gateway`: the (namespace, name) of the object that leads there.
    """

    namespace: str
    service: str
    port: int
    through: bool
    gateway: tuple[str, str] = ("", "")


def ways(cluster: Cluster, pod: GatewayFacts, arrival: Arrival) -> Iterator[Way]:
    """All Services that objects on this gateway lead the arrival to."""
    for gateway in cluster.of(ISTIO_GATEWAY):
        if selects({"matchLabels": gateway["spec"].get("selector") or {}}, pod.labels):
            for server in gateway["spec"]["servers"]:
                if server["port"]["number"] == arrival.port:
                    yield from _istio_ways(cluster, gateway, server, arrival)
    for gateway in cluster.of(KUBERNETES_GATEWAY):
        name = gateway["spec"]["gatewayClassName"]
        if name != WAYPOINT_CLASS and name == pod.gateway_class:
            for listener in gateway["spec"]["listeners"]:
                if listener["port"] == arrival.port:
                    yield from _listener_ways(cluster, gateway, listener, arrival)


def _istio_ways(cluster: Cluster, gateway: Json, server: Json, arrival: Arrival) -> Iterator[Way]:
    hosts = [each.rpartition("/")[2] for each in server["hosts"]]
    mode = (server.get("tls") or {}).get("mode", "PASSTHROUGH") if "tls" in server else ""
    found = AUTO_SNI.match(arrival.host) if mode == "AUTO_PASSTHROUGH" else None
    asked = found[3] if found else arrival.host
    if not any(host_matches(each, asked) for each in hosts) or not _speaks(mode, arrival.tls):
        return
    if mode == "AUTO_PASSTHROUGH":
        service = SERVICE_HOST.match(asked)
        if found and service:
            yield Way(service[2], service[1], int(found[1]), through=True)
        return
    at = (gateway["metadata"]["namespace"], gateway["metadata"]["name"])
    for virtual in cluster.of("VirtualService.networking.istio.io"):
        if at not in _bound(virtual) or not exported(virtual, at[0]):
            continue
        if any(host_matches(each, arrival.host) for each in virtual["spec"]["hosts"]):
            through = mode == "PASSTHROUGH"
            for goal in destinations(virtual, arrival, section="tls" if through else ""):
                way = _way(cluster, virtual, *goal)
                if way is not None:
                    yield Way(*way, through, at)


def mesh_routes(
    cluster: Cluster, namespace: str, arrival: Arrival
) -> list[tuple[str, int | None]] | None:
    """Where sidecars of a namespace lead a request to by VirtualServices; None: as it is.

    Without `gateways` a VirtualService is for all sidecars (istio/api, `virtual_service.proto`);
    its names are those of its own namespace, and traffic of a kind that it has no routes for is
    not its matter.
    """
    section = ("http",) if arrival.request.is_http else ("tcp", "tls")
    for virtual in cluster.of("VirtualService.networking.istio.io"):
        own, spec = virtual["metadata"]["namespace"], virtual["spec"]
        asked = service_of(arrival.host, namespace)
        is_named = any(
            service_of(each, own) == asked if asked else host_matches(each, arrival.host)
            for each in spec["hosts"]
        )
        bound = "mesh" in (spec.get("gateways") or ["mesh"]) and exported(virtual, namespace)
        if bound and is_named and any(spec.get(each) for each in section):
            return [
                (f"{named[1]}.{named[0]}.svc" if (named := service_of(host, own)) else host, port)
                for host, port in destinations(virtual, arrival)
            ]
    return None


def _speaks(mode: str, tls: str) -> bool:
    """Whether a server in this mode takes such a connection."""
    return {
        "": tls == "plain",
        "SIMPLE": tls in {"tls", "mutual"},
        "OPTIONAL_MUTUAL": tls in {"tls", "mutual"},
        "PASSTHROUGH": tls in {"tls", "mutual"},
    }.get(mode, tls == "mutual")


def _bound(virtual: Json) -> list[tuple[str, str]]:
    own = virtual["metadata"]["namespace"]
    named = (each.rpartition("/") for each in virtual["spec"].get("gateways") or ["mesh"])
    return [(space or own, name) for space, _, name in named]


def exported(item: Json, namespace: str) -> bool:
    """`exportTo`: all namespaces without; `.` is the object's own."""
    wanted = item["spec"].get("exportTo") or ["*"]
    own = item["metadata"]["namespace"]
    return any(each in {"*", namespace} or (each == "." and own == namespace) for each in wanted)


def destinations(
    virtual: Json, arrival: Arrival, *, section: str = ""
) -> Iterator[tuple[str, int | None]]:
    """Hosts and ports of the first route of each section that matches."""
    spec = virtual["spec"]
    sections = [section] if section else ["http"] if arrival.request.is_http else ["tcp", "tls"]
    for each in sections:
        for route in spec.get(each) or []:
            matches = route.get("match")
            if not matches or any(_matches(it, arrival) for it in matches):
                for to in route.get("route") or []:
                    goal = to["destination"]
                    yield goal["host"], (goal.get("port") or {}).get("number")
                break


def _matches(match: Json, arrival: Arrival) -> bool:
    request = arrival.request
    return (
        match.get("port", arrival.port) == arrival.port
        and _text(match.get("uri"), request.path)
        and _text(match.get("method"), request.method)
        and _text(match.get("authority"), arrival.host)
        and any(host_matches(it, arrival.host) for it in match.get("sniHosts") or [arrival.host])
    )


def _text(match: Json | None, text: str) -> bool:
    if not match:
        return True
    if "prefix" in match:
        return text.startswith(match["prefix"])
    if "exact" in match:
        return bool(text == match["exact"])
    return re.fullmatch(match["regex"], text) is not None


def service_of(host: str, namespace: str) -> tuple[str, str] | None:
    """(namespace, name) of the Service that a name in a namespace stands for.

    Kubernetes, "DNS for Services and Pods": the search domains of a pod.
    """
    parts = host.rstrip(".").removesuffix(".cluster.local").split(".")
    if len(parts) == 3 and parts[2] == "svc":
        return parts[1], parts[0]
    if len(parts) == 2:
        return parts[1], parts[0]
    return (namespace, parts[0]) if len(parts) == 1 else None


def _way(
    cluster: Cluster, virtual: Json, host: str, port: int | None
) -> tuple[str, str, int] | None:
    """The namespace, name and port of the Service that a route names, if there is one."""
    named = service_of(host, virtual["metadata"]["namespace"])
    service = cluster.service(*named) if named else None
    if named is None or service is None:
        return None
    ports = service["spec"].get("ports") or []
    number = port if port is not None else ports[0]["port"] if len(ports) == 1 else None
    return None if number is None else (*named, number)


def _listener_ways(
    cluster: Cluster, gateway: Json, listener: Json, arrival: Arrival
) -> Iterator[Way]:
    protocol, tls = listener["protocol"], listener.get("tls") or {}
    through = protocol == "TLS" and tls.get("mode", "Terminate") == "Passthrough"
    if (protocol in {"TLS", "HTTPS"}) != (arrival.tls != "plain"):
        return
    if not host_matches(listener.get("hostname", "*"), arrival.host):
        return
    kinds = {"TLS": ["TLSRoute"], "TCP": ["TCPRoute"]}.get(protocol, ["HTTPRoute", "GRPCRoute"])
    at = (gateway["metadata"]["namespace"], gateway["metadata"]["name"])
    for kind in kinds:
        for route in cluster.of(f"{kind}.{GROUP}"):
            if _attached(cluster, route, gateway, listener) and _names(route, arrival.host):
                for rule in _rules(route, arrival.request):
                    yield from _backends(cluster, route, rule, through, at)


def _attached(cluster: Cluster, route: Json, gateway: Json, listener: Json) -> bool:
    own = route["metadata"]["namespace"]
    at = gateway["metadata"]["namespace"]
    allowed = (listener.get("allowedRoutes") or {}).get("namespaces") or {}
    source = allowed.get("from", "Same")
    if source == "Same" and own != at:
        return False
    if source == "Selector" and not selects(allowed.get("selector"), cluster.labels_of(own)):
        return False
    return any(
        each.get("kind", "Gateway") == "Gateway"
        and (each.get("namespace", own), each["name"]) == (at, gateway["metadata"]["name"])
        and each.get("sectionName", listener["name"]) == listener["name"]
        and each.get("port", listener["port"]) == listener["port"]
        for each in route["spec"].get("parentRefs") or []
    )


def _names(route: Json, host: str) -> bool:
    return any(host_matches(each, host) for each in route["spec"].get("hostnames") or ["*"])


def _rules(route: Json, request: Request) -> Iterator[Json]:
    """The rules with the most specific match: longest path first, then a stated method."""
    found: list[tuple[tuple[int, int], Json]] = []
    for rule in route["spec"].get("rules") or []:
        ranks = [_rank(route["kind"], each, request) for each in rule.get("matches") or [{}]]
        known = [each for each in ranks if each is not None]
        if known:
            found.append((max(known), rule))
    best = max((rank for rank, _ in found), default=None)
    yield from [rule for rank, rule in found if rank == best][:1]


def _rank(kind: str, match: Json, request: Request) -> tuple[int, int] | None:
    if kind == "GRPCRoute":
        return _grpc_rank(match.get("method") or {}, request.path)
    method, path = match.get("method"), match.get("path") or {"value": "/"}
    if kind == "HTTPRoute" and method not in {None, request.method}:
        return None
    value, type_ = path.get("value", "/"), path.get("type", "PathPrefix")
    if kind != "HTTPRoute":
        return (0, 0)
    ok = {
        "Exact": request.path == value,
        "PathPrefix": f"{request.path.rstrip('/')}/".startswith(f"{value.rstrip('/')}/"),
    }.get(type_)
    if ok is None:
        ok = re.fullmatch(value, request.path) is not None
    return (len(value) + (1000 if type_ == "Exact" else 0), int(method is not None)) if ok else None


def _grpc_rank(method: Json, path: str) -> tuple[int, int] | None:
    _, service, name = (*path.split("/"), "", "")[:3]
    wanted = (method.get("service"), method.get("method"))
    if wanted[0] not in {None, service} or wanted[1] not in {None, name}:
        return None
    return (sum(each is not None for each in wanted), 0)


def _backends(
    cluster: Cluster, route: Json, rule: Json, through: bool, at: tuple[str, str]
) -> Iterator[Way]:
    own = route["metadata"]["namespace"]
    for each in rule.get("backendRefs") or []:
        space = each.get("namespace", own)
        if each.get("kind", "Service") != "Service" or each.get("weight", 1) == 0:
            continue
        if space == own or _granted(cluster, route, own, space, each["name"]):
            yield Way(space, each["name"], each["port"], through, at)


def _granted(cluster: Cluster, route: Json, own: str, space: str, name: str) -> bool:
    return any(
        any(it["kind"] == route["kind"] and it["namespace"] == own for it in each["spec"]["from"])
        and any(
            it["kind"] == "Service" and it.get("name", name) == name for it in each["spec"]["to"]
        )
        for each in cluster.of(f"ReferenceGrant.{GROUP}")
        if each["metadata"]["namespace"] == space
    )
