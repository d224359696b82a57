"""Entries from outside by the Gateway API, on clusters that have it.

Sources: Gateway API reference and guides ("TLS", "HTTP routing", "gRPC routing"); GEP-91 (client
certificates: `tls.frontend`), GEP-1762 (pods of a Gateway carry its name as a label). The most
specific match of a path counts, then a stated method; a rule without backends answers with an
error. Paths by prefix match whole elements: `/status` too, where `/status/*` is meant.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planners.model import Json
from planners.model.connectivity import Protocol, RequestRule, TlsMode
from planners.model.network import Ingress, Network
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
from renderers.connections import (
    GATEWAY_NAME,
    Address,
    ComponentServer,
    ConnectedUnit,
    Connection,
    DerivedObject,
    Need,
    RangeClient,
    ServicePort,
    entry_gateway,
)

_API = "gateway.networking.k8s.io/v1"
_ROUTES = {
    Protocol.HTTP: "HTTPRoute",
    Protocol.GRPC: "GRPCRoute",
    Protocol.TLS: "TLSRoute",
}
_GRPC_PATH = re.compile(r"/[^/]+/[^/]+")
_NAMESPACE_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True)
class GatewayApi:
    """Lets callers from outside in by a Gateway and routes."""

    name: str = "gateway-api"
    summary: str = (
        "Gateway API, from outside: a Gateway with the hosts and certificates of a Service, and "
        "HTTPRoutes, GRPCRoutes or TLSRoutes with the allowed methods and paths."
    )

    def meets(self, connection: Connection) -> frozenset[Need]:
        """The entry, and the requests that routes let through to a server that admits no others."""
        return met(connection) if _enters(connection) else frozenset()

    def missing(self, connection: Connection) -> str:
        """Which fact is missing, or what a route cannot express."""
        if connection.intent.external is None:
            return ""
        return _lack(connection) if _network(connection) else _not_stated(connection)

    def address(self, connection: Connection) -> Address | None:
        """None: callers from outside have no variables."""
        del connection
        return None

    def server_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """The Gateway of each called Service, a route for each host, and a policy for its pods."""
        for connections in by_service(unit, _enters):
            yield derived(_gateway(connections), connections)
            hosts: dict[tuple[str, Protocol], list[Connection]] = {}
            for each in connections:
                hosts.setdefault((external_of(each).host, each.protocol), []).append(each)
            for (host, protocol), some in hosts.items():
                yield derived(_route(host, protocol, some), some)
            ingress = _ingress(connections[0])
            assert ingress is not None
            if not ingress.namespace:
                denied = unit.tenant.deploy is not None
                yield derived(_network_policy(connections, denied=denied), connections)

    def client_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """Nothing: the client is outside."""
        del unit
        yield from ()


CARRIER: Carrier = GatewayApi()


def _network(connection: Connection) -> Network | None:
    """The network of the server, if it has the Gateway API."""
    server = connection.server
    if not isinstance(server, ComponentServer) or not server.cluster.network.gateway_api:
        return None
    return server.cluster.network


def _ingress(connection: Connection) -> Ingress | None:
    """The way in, if this connection is from outside and the cluster has a GatewayClass for it."""
    network = _network(connection)
    if connection.intent.external is None or network is None or network.ingress is None:
        return None
    return network.ingress if network.ingress.gateway_class else None


def _enters(connection: Connection) -> bool:
    return _ingress(connection) is not None and not _lack(connection)


def _not_stated(connection: Connection) -> str:
    """What to state of a cluster without the Gateway API, if Istio has no ingress there either."""
    cluster = server_of(connection).cluster
    ingress = cluster.network.ingress or Ingress()
    if cluster.network.mesh.is_istio and (not ingress.gateway_class or ingress.selector):
        return ""
    return (
        f"state `spec.network.gatewayApi: true` and `spec.network.ingress.gatewayClass` of cluster "
        f"{cluster.name}, if it has the Gateway API"
    )


def _lack(connection: Connection) -> str:
    """Why there is no entry by these objects; empty if there is one."""
    ingress, server = _ingress(connection), server_of(connection)
    if ingress is None:
        return f"state `spec.network.ingress.gatewayClass` of cluster {server.cluster.name}"
    if refused := unsupported(connection):
        return refused
    if any(not _expressible(connection.protocol, each) for each in connection.intent.allow):
        return (
            "end prefixes with `/*`, and write paths of gRPC as /package.Service/Method or "
            "/package.Service/*"
        )
    own_gateway = not ingress.namespace
    return indistinct(connection, sees_callers=own_gateway or _sees_callers(server))


def _sees_callers(server: ComponentServer) -> bool:
    """Whether the server's sidecar checks the address that a gateway of its mesh passes on."""
    network = server.cluster.network
    is_istio = network.ingress is not None and network.ingress.gateway_class == "istio"
    return network.mesh == "istio" and is_istio


def _expressible(protocol: Protocol, rule: RequestRule) -> bool:
    if protocol is Protocol.GRPC:
        is_post = not rule.methods or "POST" in rule.methods
        return is_post and all(each == "/*" or _GRPC_PATH.fullmatch(each) for each in rule.paths)
    return all(not each.endswith("*") or each.endswith("/*") for each in rule.paths)


def _service(connection: Connection) -> ServicePort:
    return server_of(connection).service


def _gateway(connections: Sequence[Connection]) -> dict[str, Json]:
    service, ingress = _service(connections[0]), _ingress(connections[0])
    assert ingress is not None
    listeners = {_section(each): _listener(each) for each in connections}
    spec: dict[str, Json] = {
        "gatewayClassName": ingress.gateway_class,
        "listeners": [listeners[name] for name in sorted(listeners)],
    }
    checked = sorted({external_of(e).certificate for e in connections if _is_mutual(e)})
    if checked:
        refs: Json = [{"group": "", "kind": "Secret", "name": each} for each in checked]
        spec["tls"] = {"frontend": {"default": {"validation": {"caCertificateRefs": refs}}}}
    metadata: Json = {"name": entry_gateway(service), "namespace": service.namespace}
    return {"apiVersion": _API, "kind": "Gateway", "metadata": metadata, "spec": spec}


def _is_mutual(connection: Connection) -> bool:
    return bool(external_of(connection).certificate) and connection.intent.tls is TlsMode.STRICT


def _section(connection: Connection) -> str:
    return f"{spoken(connection).lower()}.{external_of(connection).host}"


def _listener(connection: Connection) -> Json:
    protocol, external = spoken(connection), external_of(connection)
    found: dict[str, Json] = {
        "name": _section(connection),
        "hostname": external.host,
        "port": 80 if protocol == "HTTP" else 443,
        "protocol": protocol,
        "allowedRoutes": {"kinds": [{"kind": _ROUTES[connection.protocol]}]},
    }
    if protocol == "TLS":
        found["tls"] = {"mode": "Passthrough"}
    if protocol == "HTTPS":
        reference: Json = {"kind": "Secret", "name": external.certificate}
        found["tls"] = {"mode": "Terminate", "certificateRefs": [reference]}
    return found


def _route(host: str, protocol: Protocol, connections: Sequence[Connection]) -> dict[str, Json]:
    service, kind = _service(connections[0]), _ROUTES[protocol]
    parents: list[Json] = [
        {"name": entry_gateway(service), "sectionName": section}
        for section in sorted({_section(each) for each in connections})
    ]
    ports: dict[int, list[RequestRule]] = {}
    for each in connections:
        allowed = each.intent.allow or (RequestRule(),)
        ports.setdefault(_service(each).port, []).extend(allowed)
    rules: list[Json] = []
    for port, requests in sorted(ports.items()):
        backend: Json = {"name": service.service, "port": port}
        rules += _rules(protocol, backend, requests)
    return {
        "apiVersion": _API,
        "kind": kind,
        "metadata": {
            "name": f"connect-to-{service.service}.{host}",
            "namespace": service.namespace,
        },
        "spec": {"parentRefs": parents, "hostnames": [host], "rules": rules},
    }


def _rules(protocol: Protocol, backend: Json, allowed: Sequence[RequestRule]) -> Iterator[Json]:
    """The rule with what is allowed, and one without backends for what its prefixes add."""
    if protocol is Protocol.TLS:
        yield {"backendRefs": [backend]}
        return
    matches: list[Json] = []
    for rule in allowed:
        some = _grpc(rule) if protocol is Protocol.GRPC else _http(rule)
        matches += [each for each in some if each not in matches]
    yield {"matches": matches, "backendRefs": [backend]}
    refused = [] if protocol is Protocol.GRPC else [*_added(allowed)]
    if refused:
        yield {"matches": refused}


def _http(rule: RequestRule) -> Iterator[Json]:
    for path in rule.paths or ("/*",):
        is_prefix = path.endswith("/*")
        value: Json = path.removesuffix("/*") or "/" if is_prefix else path
        match: dict[str, Json] = {
            "path": {"type": "PathPrefix" if is_prefix else "Exact", "value": value}
        }
        yield from ({**match, "method": each} for each in rule.methods)
        if not rule.methods:
            yield match


def _added(allowed: Sequence[RequestRule]) -> Iterator[Json]:
    """`/status`, where `/status/*` is allowed and it is not."""
    known: list[Json] = []
    for rule in allowed:
        for path in rule.paths:
            base = path.removesuffix("/*")
            for method in rule.methods or ("",) if base and base != path else ():
                if not any(_permits(each, method, base) for each in allowed):
                    match: dict[str, Json] = {"path": {"type": "Exact", "value": base}}
                    match |= {"method": method} if method else {}
                    known += [] if match in known else [match]
    yield from known


def _permits(rule: RequestRule, method: str, path: str) -> bool:
    if rule.methods and method not in rule.methods:
        return False
    return not rule.paths or any(
        path.startswith(each[:-1]) if each.endswith("*") else path == each for each in rule.paths
    )


def _grpc(rule: RequestRule) -> Iterator[Json]:
    for path in rule.paths or ("/*",):
        _, _, name = path.partition("/")
        service, _, method = name.partition("/")
        asked: dict[str, Json] = {"service": service} if service != "*" else {}
        asked |= {"method": method} if method not in {"", "*"} else {}
        yield {"method": {"type": "Exact", **asked}} if asked else {}


def _network_policy(connections: Sequence[Connection], *, denied: bool) -> dict[str, Json]:
    """Who reaches the pods of the Gateway, and where they may send to if egress is denied."""
    service = _service(connections[0])
    ranges = sorted({e.client.cidr for e in connections if isinstance(e.client, RangeClient)})
    blocks: Json = [{"ipBlock": {"cidr": each}} for each in ranges]
    spec: dict[str, Json] = {
        "podSelector": {"matchLabels": {GATEWAY_NAME: entry_gateway(service)}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": blocks, "ports": [_port(80), _port(443)]}],
    }
    if denied:
        ports = sorted({number for each in connections for number in _service(each).targets})
        spec["policyTypes"] = ["Egress", "Ingress"]
        spec["egress"] = [
            {
                "to": [{"podSelector": {"matchLabels": dict(service.selector)}}],
                "ports": [_port(each) for each in (*ports, 15008)],
            }
        ]
    metadata: Json = {"name": entry_gateway(service) + "-entry", "namespace": service.namespace}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": spec,
    }


def _namespace(name: str) -> Json:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: name}}}


def _port(number: int, protocol: str = "TCP") -> Json:
    return {"port": number, "protocol": protocol}
