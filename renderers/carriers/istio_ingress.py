"""Entries from outside by Istio's own objects, where the cluster has no Gateway API.

Sources: istio/api, `networking/v1alpha3/gateway.proto` (`selector` picks gateway pods in any
namespace; `./host` is for VirtualServices of the same namespace; `credentialName` is a Secret in
the namespace of the gateway's pods, whose `ca.crt` checks clients in mode MUTUAL) and
`virtual_service.proto` (requests that no route matches are answered with 404).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planners.model import Json
from planners.model.connectivity import Protocol, TlsMode
from renderers.carriers import Carrier
from renderers.carriers._entry import (
    by_service,
    derived,
    external_of,
    indistinct,
    met,
    server_of,
    spoken,
    unsupported,
)
from renderers.carriers._istio import REQUESTS, meshed_server
from renderers.connections import (
    Address,
    ConnectedUnit,
    Connection,
    DerivedObject,
    Need,
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
        return met(connection) if _enters(connection) else frozenset()

    def missing(self, connection: Connection) -> str:
        """Which fact is missing in a mesh of Istio."""
        return _lack(connection) if _is_entry(connection) else ""

    def address(self, connection: Connection) -> Address | None:
        """None: callers from outside have no variables."""
        del connection
        return None

    def server_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """The Gateway of each called Service, and the routes of each host."""
        for connections in by_service(unit, _enters):
            yield derived(_gateway(connections), connections)
            hosts: dict[str, list[Connection]] = {}
            for each in connections:
                hosts.setdefault(external_of(each).host, []).append(each)
            for host, some in hosts.items():
                yield derived(_virtual_service(host, some), some)

    def client_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """Nothing: the client is outside."""
        del unit
        yield from ()


CARRIER: Carrier = IstioIngress()


def _is_entry(connection: Connection) -> bool:
    """Whether a connection comes from outside into a mesh of Istio without the Gateway API."""
    server = meshed_server(connection)
    is_external = connection.intent.external is not None
    return is_external and server is not None and not server.cluster.network.gateway_api


def _enters(connection: Connection) -> bool:
    return _is_entry(connection) and not _lack(connection)


def _lack(connection: Connection) -> str:
    """Why there is no entry by these objects; empty if there is one."""
    server = server_of(connection)
    ingress = server.cluster.network.ingress
    if ingress is None or not ingress.selector or not ingress.namespace:
        return (
            "state `spec.network.ingress.selector` and `spec.network.ingress.namespace` of cluster "
            f"{server.cluster.name}"
        )
    if refused := unsupported(connection):
        return refused
    sees_callers = server.cluster.network.mesh == "istio" and connection.protocol in REQUESTS
    return indistinct(connection, sees_callers=sees_callers)


def _name(service: ServicePort) -> str:
    return f"connect-to-{service.service}"


def _gateway(connections: Sequence[Connection]) -> dict[str, Json]:
    server = server_of(connections[0])
    ingress = server.cluster.network.ingress
    assert ingress is not None
    found = {(external_of(each).host, spoken(each)): each for each in connections}
    servers = [_server_part(each, found[key]) for each, key in enumerate(sorted(found))]
    return {
        "apiVersion": _API,
        "kind": "Gateway",
        "metadata": {"name": _name(server.service), "namespace": server.service.namespace},
        "spec": {"selector": dict(ingress.selector), "servers": servers},
    }


def _server_part(number: int, connection: Connection) -> Json:
    protocol, external = spoken(connection), external_of(connection)
    port = 80 if protocol == "HTTP" else 443
    found: dict[str, Json] = {
        "port": {"number": port, "name": f"{protocol.lower()}-{number}", "protocol": protocol},
        "hosts": [f"./{external.host}"],
    }
    if protocol == "TLS":
        found["tls"] = {"mode": "PASSTHROUGH"}
    if protocol == "HTTPS":
        mode = "MUTUAL" if connection.intent.tls is TlsMode.STRICT else "SIMPLE"
        found["tls"] = {"mode": mode, "credentialName": external.certificate}
    return found


def _virtual_service(host: str, connections: Sequence[Connection]) -> dict[str, Json]:
    service = server_of(connections[0]).service
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
    service = server_of(connection).service
    return [{"destination": {"host": service.full_name, "port": {"number": service.port}}}]


def _tls(connection: Connection) -> Json:
    match: Json = {"port": 443, "sniHosts": [external_of(connection).host]}
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
