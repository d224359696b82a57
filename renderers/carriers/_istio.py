"""What the carriers for Istio share: whom a server's proxy sees, and what it can check.

Sources: istio/api, `security/v1beta1/authorization_policy.proto` (sources, operations; principals
are `<trust domain>/ns/<namespace>/sa/<account>`); Istio documentation, "Protocol Selection" (the
prefix of a port's name says what is spoken), "Configure waypoint proxies"; istio/istio,
`gatewaycommon/gateway_utils.go` (pods of a Gateway run as the account `<gateway>-<class>`, those of
a waypoint as `<gateway>`).
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from planners.connect import Case
from planners.model import Json
from planners.model.connectivity import ConnectivityIntent, Protocol, RequestRule, TlsMode
from planners.model.network import Mesh
from renderers.connections import (
    ComponentClient,
    ComponentServer,
    ConnectedUnit,
    Connection,
    Labels,
    NamespaceClient,
    RangeClient,
    ServicePort,
    entry_gateway,
    waypoint_of,
)

ISTIO_CLASSES = frozenset({"istio"})
"""GatewayClasses whose gateways are proxies of the mesh."""

_OTHER_PROTOCOLS = frozenset({"mongo", "mysql", "redis", "tcp", "tls", "https", "udp"})
REQUESTS = frozenset({Protocol.HTTP, Protocol.GRPC})


@dataclass(frozen=True, slots=True)
class CalledService:
    """A Service of a unit in a mesh of Istio, and the TCP connections to it."""

    service: ServicePort
    connections: tuple[tuple[Connection, ComponentServer], ...]

    @property
    def intents(self) -> tuple[ConnectivityIntent, ...]:
        """The intents of all connections."""
        return tuple(dict.fromkeys(each.intent for each, _ in self.connections))

    @property
    def is_ambient(self) -> bool:
        """Whether no sidecars but the proxies of nodes carry its traffic."""
        return self.connections[0][1].cluster.network.mesh is Mesh.ISTIO_AMBIENT

    @property
    def far_ranges(self) -> tuple[str, ...]:
        """The addresses from which pods of other clusters call without a gateway in between."""
        found = {
            each
            for connection, _ in self.connections
            if isinstance(connection.client, ComponentClient) and is_direct(connection)
            for each in connection.client.cluster.network.pod_ranges
        }
        return tuple(sorted(found))

    @property
    def waypoint(self) -> str:
        """The waypoint that checks the requests of its callers; empty if none is needed."""
        asked = any(passes_waypoint(each) and each.intent.allow for each, _ in self.connections)
        return waypoint_of(self.service) if self.is_ambient and asked else ""


def called_services(unit: ConnectedUnit) -> Iterator[CalledService]:
    """The called Services of a unit, if it runs in a mesh of Istio."""
    found: dict[tuple[str, str], list[tuple[Connection, ComponentServer]]] = {}
    for each in unit.serves:
        server = meshed_server(each)
        if server is not None:
            key = server.service.namespace, server.service.service
            found.setdefault(key, []).append((each, server))
    for pairs in found.values():
        yield CalledService(pairs[0][1].service, tuple(pairs))


def meshed_server(connection: Connection) -> ComponentServer | None:
    """The server of a connection that Istio's policies can control."""
    server = connection.server
    if not isinstance(server, ComponentServer) or server.service.transport != "TCP":
        return None
    return server if server.cluster.network.mesh.is_istio else None


def passes_waypoint(connection: Connection) -> bool:
    """Whether the requests of a connection go through the waypoint of the called Service.

    Gateways and callers of other clusters pass it by; so does what has no proxy.
    """
    client = connection.client
    return connection.case is Case.SAME_CLUSTER and not isinstance(client, RangeClient)


def is_direct(connection: Connection) -> bool:
    """Whether it goes from cluster to cluster between the addresses of pods, without a gateway."""
    client, server = connection.client, connection.server
    if not isinstance(client, ComponentClient) or not isinstance(server, ComponentServer):
        return False
    if connection.case is Case.ONE_MESH:
        ours, theirs = client.cluster.network, server.cluster.network
        return bool(ours.name) and ours.name == theirs.name
    return connection.case in {Case.CLUSTER_SET, Case.APART}


def is_open(connection: Connection, server: ComponentServer) -> bool:
    """Whether its callers may come without an identity, and from no address that is known."""
    client = connection.client
    if has_identity(connection, server) or connection.case.crosses:
        return False
    return not isinstance(client, RangeClient) or connection.intent.external is not None


def has_identity(connection: Connection, server: ComponentServer) -> bool:
    """Whether the proxy of the server sees who calls."""
    client = connection.client
    if isinstance(client, RangeClient):
        return connection.intent.external is not None and is_istio_gateway(server)
    if isinstance(client, ComponentClient) and not client.cluster.network.mesh.is_istio:
        return False
    ambient = server.cluster.network.mesh is Mesh.ISTIO_AMBIENT
    return ambient or connection.intent.tls is not TlsMode.NONE


def is_istio_gateway(server: ComponentServer) -> bool:
    """Whether callers from outside come through a gateway of the mesh."""
    network = server.cluster.network
    if network.ingress is None:
        return False
    if network.gateway_api and network.ingress.gateway_class:
        return network.ingress.gateway_class in ISTIO_CLASSES
    return bool(network.ingress.selector)


def reads_requests(connection: Connection) -> bool:
    """Whether a sidecar takes the port for one of HTTP, by its name or by what it sees."""
    server = connection.server
    assert isinstance(server, ComponentServer)
    return server.service.name.partition("-")[0] not in _OTHER_PROTOCOLS


def sources(
    connection: Connection, server: ComponentServer, far: Sequence[str] = ()
) -> Iterator[dict[str, Json]]:
    """Whom the proxy of the server must see: one of these.

    Callers that send plain text are any without an identity: NetworkPolicies tell which pods these
    are, but not which of another cluster, so that addresses there (`far`) do not count.
    """
    near: dict[str, Json] = {"notIpBlocks": [*far]} if far else {}
    client, open_ = connection.client, is_open(connection, server)
    if isinstance(client, RangeClient) and connection.intent.external is None:
        yield {"ipBlocks": [client.cidr]}
    elif isinstance(client, RangeClient):
        remote = not open_ and not client.is_everybody
        yield {**_gateway(server), **({"remoteIpBlocks": [client.cidr]} if remote else {})}
    elif isinstance(client, NamespaceClient):
        yield {"namespaces": [client.namespace], **near}
    elif not has_identity(connection, server) and connection.case.crosses:
        yield {"ipBlocks": [*client.cluster.network.pod_ranges]}
    else:
        callers: list[Json] = []
        callers += sorted({_principal(client, e.namespace, e.account) for e in client.pods})
        yield {"principals": callers}
    if open_:
        yield {"notPrincipals": ["*"], **near}


def _gateway(server: ComponentServer) -> dict[str, Json]:
    """The pods of the gateway through which callers from outside come."""
    ingress = server.cluster.network.ingress
    assert ingress is not None
    if ingress.namespace:
        return {"namespaces": [ingress.namespace]}
    account = f"{entry_gateway(server.service)}-{ingress.gateway_class}"
    return {"principals": [_principal(server, server.service.namespace, account)]}


def waypoint_source(service: CalledService) -> dict[str, Json]:
    """The waypoint of a Service as the proxies of its pods see it."""
    server = service.connections[0][1]
    return {"principals": [_principal(server, service.service.namespace, service.waypoint)]}


def operations(allow: Sequence[RequestRule], ports: Iterable[int]) -> list[Json]:
    """What may be asked for on these ports; without rules everything."""
    on: list[Json] = [str(each) for each in sorted(ports)]
    found: list[Json] = []
    for rule in allow or (RequestRule(),):
        operation: dict[str, Json] = {"ports": on}
        if rule.methods:
            operation["methods"] = [*rule.methods]
        if rule.paths:
            operation["paths"] = [*rule.paths]
        found.append({"operation": operation})
    return found


def selector(labels: Labels) -> dict[str, Json]:
    """What binds a policy to pods."""
    return {"selector": {"matchLabels": dict(labels)}}


@dataclass(slots=True)
class Rules:
    """The rules of one policy: who may ask for what."""

    sources: dict[str, dict[str, dict[str, Json]]] = field(default_factory=dict)

    def add(self, origins: Iterable[dict[str, Json]], asked: Iterable[Json]) -> None:
        """Let these sources ask for each of these."""
        found = {json.dumps(each, sort_keys=True): each for each in origins}
        for each in asked:
            self.sources.setdefault(json.dumps(each, sort_keys=True), {}).update(found)

    def json(self) -> list[Json]:
        """The rules as in a manifest, in an order of their own."""
        found: list[Json] = []
        for to, sources in sorted(self.sources.items()):
            origins: list[Json] = [{"source": sources[key]} for key in sorted(sources)]
            found.append({"to": [json.loads(to)], "from": origins})
        return found


def policy(
    name: str, namespace: str, bound: dict[str, Json], rules: Sequence[Json]
) -> dict[str, Json]:
    """An AuthorizationPolicy that lets these through, and nothing else."""
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**bound, "action": "ALLOW", "rules": list(rules)},
    }


def _principal(side: ComponentClient | ComponentServer, namespace: str, account: str) -> str:
    return f"{side.cluster.network.trust_domain}/ns/{namespace}/sa/{account}"
