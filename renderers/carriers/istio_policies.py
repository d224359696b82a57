"""Istio's policies: the proxy of the server lets exactly the declared callers and requests through.

Sources: istio/api, `security/v1beta1/authorization_policy.proto` (once an ALLOW policy selects a
workload, all else is denied; an attribute of HTTP never matches other traffic) and
`peer_authentication.proto` (`portLevelMtls` are ports of the workload; one policy counts for a
workload, the oldest). Istio documentation, "Layer 4 security policy" (ztunnel knows no methods and
paths, and ignores DISABLE).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from planners.model import Json
from planners.model.connectivity import ConnectivityIntent, TlsMode
from planners.model.network import Mesh
from renderers.carriers import Carrier
from renderers.carriers._istio import (
    CalledService,
    Rules,
    called_services,
    has_identity,
    meshed_server,
    operations,
    passes_waypoint,
    policy,
    reads_requests,
    selector,
    sources,
    waypoint_source,
)
from renderers.carriers._istio_conflicts import cautions, conflicts
from renderers.connections import (
    Address,
    ComponentServer,
    ConnectedUnit,
    Connection,
    DerivedObject,
    Labels,
    Need,
)


@dataclass(slots=True)
class _Modes:
    """How the ports of some pods are called."""

    service: str
    is_ambient: bool
    kinds: dict[int, set[str]] = field(default_factory=dict)
    intents: dict[int, dict[ConnectivityIntent, None]] = field(default_factory=dict)

    def add(self, connection: Connection, server: ComponentServer) -> None:
        """Add how one connection calls them."""
        tls = connection.intent.tls
        plain = tls is not TlsMode.NONE and not has_identity(connection, server)
        for port in server.service.targets:
            self.kinds.setdefault(port, set()).add("plain" if plain else tls.value)
            self.intents.setdefault(port, {})[connection.intent] = None

    def modes(self) -> dict[int, str]:
        """The mode of each port; a port that only callers of the mesh call keeps that of the mesh.

        An intent must not make a mesh less strict without need.
        """
        found: dict[int, str] = {}
        for port, kinds in sorted(self.kinds.items()):
            if kinds == {TlsMode.STRICT.value}:
                found[port] = "STRICT"
            elif kinds == {TlsMode.NONE.value} and not self.is_ambient:
                found[port] = "DISABLE"
            elif kinds & {TlsMode.NONE.value, "plain"}:
                found[port] = "PERMISSIVE"
        return found

    def object(self, namespace: str, labels: Labels) -> Iterator[DerivedObject]:
        """The policy of the pods, if one is needed."""
        modes = self.modes()
        if not modes:
            return
        ports: dict[str, Json] = {str(port): {"mode": mode} for port, mode in modes.items()}
        item: dict[str, Json] = {
            "apiVersion": "security.istio.io/v1",
            "kind": "PeerAuthentication",
            "metadata": {"name": f"connect-to-{self.service}", "namespace": namespace},
            "spec": {**selector(labels), "portLevelMtls": ports},
        }
        yield DerivedObject(item, tuple(dict.fromkeys(e for p in modes for e in self.intents[p])))


@dataclass(frozen=True, slots=True)
class IstioPolicies:
    """Authorizes and authenticates callers in meshes of Istio."""

    name: str = "istio-policies"
    summary: str = (
        "Istio, sidecar or ambient: AuthorizationPolicies with the identities, methods and paths "
        "of the declared callers, and PeerAuthentication as `tls` says."
    )

    def meets(self, connection: Connection) -> frozenset[Need]:
        """Requests where a proxy reads them; encryption where both sides have identities."""
        server, found = meshed_server(connection), set[Need]()
        if server is None:
            return frozenset()
        if connection.intent.allow and self._checks_requests(connection, server):
            found.add(Need.REQUESTS)
        if connection.intent.tls is TlsMode.STRICT and has_identity(connection, server):
            found.add(Need.ENCRYPTION)
        return frozenset(found)

    def missing(self, connection: Connection) -> str:
        """Why requests are not checked, or callers have no identity."""
        intent, server = connection.intent, connection.server
        if not isinstance(server, ComponentServer) or not (
            intent.allow or intent.tls is TlsMode.STRICT
        ):
            return ""
        if meshed_server(connection) is None:
            return f"state `spec.network.mesh` of cluster {server.cluster.name}, if it has one"
        if intent.tls is TlsMode.STRICT and not has_identity(connection, server):
            return "callers from outside of the mesh have no identity; set `tls: permissive`"
        if intent.allow and not self._checks_requests(connection, server):
            if server.cluster.network.mesh is Mesh.ISTIO_AMBIENT:
                return (
                    "in an ambient mesh, only requests from the same cluster are checked, to a "
                    "Service that is not headless"
                )
            return f"name port {server.service.port} of Service {server.service.service} `http-...`"
        return ""

    def address(self, connection: Connection) -> Address | None:
        """None: policies open ways, and make none."""
        del connection
        return None

    def server_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """What the proxies of the called pods let through."""
        modes: dict[tuple[str, Labels], _Modes] = {}
        for called in called_services(unit):
            yield self._authorization(called)
            service = called.service
            mode = modes.setdefault(
                (service.namespace, service.selector), _Modes(service.service, called.is_ambient)
            )
            for connection, server in called.connections:
                mode.add(connection, server)
        for (namespace, labels), mode in modes.items():
            yield from mode.object(namespace, labels)

    def client_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """Nothing: whom a client may call, its servers decide."""
        del unit
        yield from ()

    def conflicts(self, connections: Sequence[Connection]) -> Iterator[tuple[Connection, str]]:
        """What identities cannot tell apart."""
        return conflicts(connections)

    def cautions(self, connections: Sequence[Connection]) -> Iterator[tuple[Connection, str]]:
        """Callers that identities cannot confine to a cluster."""
        return cautions(connections)

    def _checks_requests(self, connection: Connection, server: ComponentServer) -> bool:
        if server.cluster.network.mesh is Mesh.ISTIO_AMBIENT:
            return passes_waypoint(connection) and not server.service.headless
        return reads_requests(connection)

    def _authorization(self, called: CalledService) -> DerivedObject:
        """The policy of the pods: behind a waypoint, that lets others of its cluster through."""
        rules = Rules()
        for connection, server in called.connections:
            ports = server.service.targets
            if called.waypoint and passes_waypoint(connection):
                rules.add([waypoint_source(called)], operations((), ports))
            else:
                allow = () if called.is_ambient else connection.intent.allow
                origins = sources(connection, server, called.far_ranges)
                rules.add(origins, operations(allow, ports))
        service = called.service
        item = policy(
            f"connect-to-{service.service}",
            service.namespace,
            selector(service.selector),
            rules.json(),
        )
        return DerivedObject(item, called.intents)


CARRIER: Carrier = IstioPolicies()
