"""Entries from outside by Istio's own objects, where the cluster has no Gateway API.

Sources: istio/api, `networking/v1alpha3/gateway.proto` (`selector` picks gateway pods in any
namespace; `./host` is for VirtualServices of the same namespace; `credentialName` is a Secret in
the namespace of the gateway's pods, whose `ca.crt` checks clients in mode MUTUAL) and
`virtual_service.proto` (requests that no route matches are answered with 404).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planners.model import Json
from planners.model.connectivity import External, Protocol, TlsMode
from renderers.carriers import Carrier
from renderers.carriers._istio import REQUESTS, is_everybody, meshed_server
from renderers.connections import (
    Address,
    ComponentServer,
    ConnectedUnit,
    Connection,
    DerivedObject,
    Need,
    RangeClient,
    ServicePort,
)

_API = "networking.istio.io/v1"


@dataclass(frozen=True, slots=True)
class IstioIngress:
    """Lets callers from outside in by Istio's ingress gateway."""

    name: str = "istio-ingress"
    summary: str = (
        "Istio, from outside, on clusters without the Gateway API: a Gateway with the hosts and "
        "certificates of a Service, and VirtualServices with the allowed methods and paths."
    )

    def meets(self, connection: Connection) -> frozenset[Need]:
        """The entry, and the requests that routes let through to a server that admits no others."""
        if not _is_entry(connection) or _lack(connection):
            return frozenset()
        requests = {Need.REQUESTS} if connection.intent.allow else set[Need]()
        return frozenset({Need.ENTRY} | requests)

    def missing(self, connection: Connection) -> str:
        """Which fact is missing in a mesh of Istio."""
        return _lack(connection) if _is_entry(connection) else ""

    def address(self, connection: Connection) -> Address | None:
        """None: callers from outside have no variables."""
        del connection
        return None

    def server_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """The Gateway of each called Service, and the routes of each host."""
        found: dict[tuple[str, str], list[Connection]] = {}
        for each in unit.serves:
            if _is_entry(each) and not _lack(each):
                service = _server(each).service
                found.setdefault((service.namespace, service.service), []).append(each)
        for connections in found.values():
            yield _derived(_gateway(connections), connections)
            hosts: dict[str, list[Connection]] = {}
            for each in connections:
                hosts.setdefault(_external(each).host, []).append(each)
            for host, some in hosts.items():
                yield _derived(_virtual_service(host, some), some)

    def client_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """Nothing: the client is outside."""
        del unit
        yield from ()


CARRIER: Carrier = IstioIngress()


def _derived(item: dict[str, Json], connections: Sequence[Connection]) -> DerivedObject:
    return DerivedObject(item, tuple(dict.fromkeys(each.intent for each in connections)))


def _is_entry(connection: Connection) -> bool:
    """Whether a connection comes from outside into a mesh of Istio without the Gateway API."""
    server = meshed_server(connection)
    is_external = connection.intent.external is not None
    return is_external and server is not None and not server.cluster.network.gateway_api


def _lack(connection: Connection) -> str:
    """Why there is no entry by these objects; empty if there is one."""
    external, client, server = _external(connection), connection.client, _server(connection)
    ingress = server.cluster.network.ingress
    if ingress is None or not ingress.selector or not ingress.namespace:
        return (
            "state `spec.network.ingress.selector` and `spec.network.ingress.namespace` of cluster "
            f"{server.cluster.name}"
        )
    if connection.protocol not in {*REQUESTS, Protocol.TLS}:
        return "an external host requires `to.protocol` HTTP, GRPC or TLS"
    if connection.protocol is Protocol.TLS and external.certificate:
        return "with `to.protocol: TLS` the component has the certificate: drop `certificateRef`"
    is_passed_on = connection.protocol is Protocol.TLS
    if connection.intent.tls is TlsMode.STRICT and not (external.certificate or is_passed_on):
        return "set `external.certificateRef`, as `tls: strict` asks callers for certificates"
    assert isinstance(client, RangeClient)
    sees_callers = server.cluster.network.mesh == "istio" and connection.protocol in REQUESTS
    if not is_everybody(client) and not sees_callers:
        return f"no gateway there tells callers from {client.cidr} from others; use 0.0.0.0/0"
    return ""


def _external(connection: Connection) -> External:
    external = connection.intent.external
    assert external is not None
    return external


def _server(connection: Connection) -> ComponentServer:
    assert isinstance(connection.server, ComponentServer)
    return connection.server


def _name(service: ServicePort) -> str:
    return f"connect-to-{service.service}"


def _gateway(connections: Sequence[Connection]) -> dict[str, Json]:
    server = _server(connections[0])
    ingress = server.cluster.network.ingress
    assert ingress is not None
    found = {(_external(each).host, _spoken(each)): each for each in connections}
    servers = [_server_part(each, found[key]) for each, key in enumerate(sorted(found))]
    return {
        "apiVersion": _API,
        "kind": "Gateway",
        "metadata": {"name": _name(server.service), "namespace": server.service.namespace},
        "spec": {"selector": dict(ingress.selector), "servers": servers},
    }


def _spoken(connection: Connection) -> str:
    if connection.protocol is Protocol.TLS:
        return "TLS"
    return "HTTPS" if _external(connection).certificate else "HTTP"


def _server_part(number: int, connection: Connection) -> Json:
    spoken, external = _spoken(connection), _external(connection)
    port = 80 if spoken == "HTTP" else 443
    found: dict[str, Json] = {
        "port": {"number": port, "name": f"{spoken.lower()}-{number}", "protocol": spoken},
        "hosts": [f"./{external.host}"],
    }
    if spoken == "TLS":
        found["tls"] = {"mode": "PASSTHROUGH"}
    if spoken == "HTTPS":
        mode = "MUTUAL" if connection.intent.tls is TlsMode.STRICT else "SIMPLE"
        found["tls"] = {"mode": mode, "credentialName": external.certificate}
    return found


def _virtual_service(host: str, connections: Sequence[Connection]) -> dict[str, Json]:
    service = _server(connections[0]).service
    spec: dict[str, Json] = {
        "hosts": [host],
        "exportTo": ["."],
        "gateways": [_name(service)],
    }
    for each in connections:
        section = "tls" if each.protocol is Protocol.TLS else "http"
        route = _tls(each) if section == "tls" else _http(each)
        known = spec.setdefault(section, [])
        assert isinstance(known, list)
        known += [] if route in known else [route]
    return {
        "apiVersion": _API,
        "kind": "VirtualService",
        "metadata": {"name": f"{_name(service)}.{host}", "namespace": service.namespace},
        "spec": spec,
    }


def _destination(connection: Connection) -> Json:
    service = _server(connection).service
    host = f"{service.service}.{service.namespace}.svc.cluster.local"
    return [{"destination": {"host": host, "port": {"number": service.port}}}]


def _tls(connection: Connection) -> Json:
    match: Json = {"port": 443, "sniHosts": [_external(connection).host]}
    return {"match": [match], "route": _destination(connection)}


def _http(connection: Connection) -> Json:
    matches: list[Json] = []
    for rule in connection.intent.allow:
        for path in rule.paths or ("",):
            for method in rule.methods or ("",):
                match: dict[str, Json] = {}
                if path.endswith("*"):
                    match["uri"] = {"prefix": path[:-1]}
                elif path:
                    match["uri"] = {"exact": path}
                if method:
                    match["method"] = {"exact": method}
                matches.append(match)
    found: dict[str, Json] = {"route": _destination(connection)}
    return {"match": matches, **found} if matches else found
