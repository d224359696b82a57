"""What Istio cannot tell apart: connections that are sound alone, and open more together.

Identities are service accounts: neither the workload nor the cluster of a caller is among them
(istio/api, `authorization_policy.proto`; Istio documentation, "Trust Domain Migration": all trust
domains of a mesh stand for each other). Plain text has no identity at all. A sidecar sends a
request to a bare address of a pod in plain text; proxies of an ambient mesh know all addresses.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import TypeAlias

from planners.connect import Case
from planners.model.connectivity import Caller, RequestRule
from planners.model.network import Mesh
from renderers.carriers._istio import (
    has_identity,
    is_direct,
    is_open,
    meshed_server,
    passes_waypoint,
)
from renderers.connections import ComponentClient, ComponentServer, Connection, NamespaceClient

Found: TypeAlias = tuple[Connection, str]
Pairs: TypeAlias = Sequence[tuple[Connection, ComponentServer]]
_Scope: TypeAlias = tuple[str, str]
_Permission: TypeAlias = tuple[str, str, int, frozenset[RequestRule]]


def conflicts(connections: Sequence[Connection]) -> Iterator[Found]:
    """Connections that would let others through, or be led another way, because of others."""
    pairs = _meshed(connections)
    for service in _by_service(pairs):
        yield from _behind_waypoints(service)
        for port in _by_port(service):
            yield from _plain_beside_rules(port)
    for each, other, account, is_ruled in _shared_accounts(pairs):
        if is_ruled:
            yield each, _ONE_CALLER.format(other=other, account=account)


def cautions(connections: Sequence[Connection]) -> Iterator[Found]:
    """Whom Istio admits too: a namespace of other clusters, components with the same account."""
    pairs = _meshed(connections)
    for each, other, account, is_ruled in _shared_accounts(pairs):
        if not is_ruled:
            yield each, _SAME_ACCOUNT.format(other=other, account=account)
    for service in _by_service(pairs):
        ambient = service[0][1].cluster.network.mesh is Mesh.ISTIO_AMBIENT
        for some in [service] if ambient else _by_port(service):
            crosses = any(e.case.crosses and not is_direct(e) for e, _ in some)
            for each, _ in some if crosses else ():
                if isinstance(each.client, NamespaceClient):
                    yield each, _ELSEWHERE.format(each.client.namespace)


_ELSEWHERE = (
    "Istio also admits namespace {} of other clusters, through the east-west gateway: identities "
    "do not say of which cluster they are"
)
_SAME_ACCOUNT = (
    "Istio also admits {other}, which runs as the same {account}: callers are known by their "
    "accounts; give each its own `serviceAccountName`"
)
_ONE_CALLER = (
    "{other} may make other requests to the same port, and runs as the same {account}: Istio knows "
    "callers by their accounts; give each its own `serviceAccountName`"
)


def _meshed(connections: Iterable[Connection]) -> list[tuple[Connection, ComponentServer]]:
    found = ((each, meshed_server(each)) for each in connections)
    return [(each, server) for each, server in found if server is not None]


def _by_service(pairs: Pairs) -> Iterable[Pairs]:
    found: dict[tuple[str, str, str], list[tuple[Connection, ComponentServer]]] = {}
    for each, server in pairs:
        service = server.service
        key = server.cluster.name, service.namespace, service.service
        found.setdefault(key, []).append((each, server))
    return found.values()


def _by_port(pairs: Pairs) -> Iterable[Pairs]:
    found: dict[int, list[tuple[Connection, ComponentServer]]] = {}
    for each, server in pairs:
        found.setdefault(server.service.port, []).append((each, server))
    return found.values()


def _behind_waypoints(service: Pairs) -> Iterator[Found]:
    """Callers of other clusters of a Service with a waypoint."""
    ambient = service[0][1].cluster.network.mesh is Mesh.ISTIO_AMBIENT
    ruled = next((e for e, _ in service if e.intent.allow and passes_waypoint(e)), None)
    if ambient and ruled is not None:
        reason = (
            f"`allow` of {ruled.intent} gives the called Service a waypoint, which does not check "
            "callers of other clusters: call another Service of the component, or drop `allow`"
        )
        yield from ((each, reason) for each, _ in service if each.case is Case.ONE_MESH)


def _plain_beside_rules(port: Pairs) -> Iterator[Found]:
    """Callers in plain text on a port on which others may make some requests only."""
    if port[0][1].cluster.network.mesh is not Mesh.ISTIO:
        return
    for each, server in port:
        ruled = next((e for e, _ in port if _is_bypassed(e, each)), None)
        if ruled is not None and is_open(each, server):
            reason = (
                "its callers have no identity, and what is open to them is open to the callers of "
                f"{ruled.intent} too, whatever `allow` says: use another port, or {_remedy(each)}"
            )
            yield each, reason


def _is_bypassed(ruled: Connection, plain: Connection) -> bool:
    """Whether the callers of one could make the requests of the other, without being allowed."""
    external = ruled.intent.external is not None
    if not ruled.intent.allow or external or ruled.intent.caller == plain.intent.caller:
        return False
    return _allowed(ruled) != _allowed(plain)


def _remedy(plain: Connection) -> str:
    if plain.intent.external is not None:
        return "let the platform team have the ingress gateway in the mesh"
    return "remove `tls: none`"


def _allowed(connection: Connection) -> frozenset[RequestRule]:
    return frozenset(connection.intent.allow)


@dataclass(slots=True)
class _Account:
    """The components that run as one service account, and what they may do on one cluster.

    `crossing` are those that call from another cluster.
    """

    name: str
    ambient: bool
    permissions: dict[Caller, dict[_Permission, Connection]] = field(default_factory=dict)
    crossing: set[Caller] = field(default_factory=set)

    def add(self, connection: Connection, server: ComponentServer) -> None:
        """Add what one of them may do."""
        service, caller = server.service, connection.intent.caller
        key = service.namespace, service.service, service.port, _allowed(connection)
        self.permissions.setdefault(caller, {})[key] = connection
        if connection.case.crosses:
            self.crossing.add(caller)

    def gains(self, crossed: Collection[_Scope]) -> Iterator[tuple[Connection, Caller, bool]]:
        """What one component may do, and another one cannot be kept from; whether it has rules.

        Who comes from another cluster is led to all Services that are called from there
        (`crossed`), and only the account counts. In one cluster, NetworkPolicies tell pods apart,
        but ports only outside of tunnels, and requests not at all.
        """
        for (_, own), (other, others) in permutations(self.permissions.items(), 2):
            shared = {self._scope(each) for each in others}
            ports = {each[:3] for each in others}
            for permission, connection in own.items():
                everything = (*permission[:3], frozenset[RequestRule]())
                led = other in self.crossing and permission[:2] in crossed
                if {permission, everything}.isdisjoint(others) and (
                    led or self._scope(permission) in shared
                ):
                    yield connection, other, permission[:3] in ports

    def _scope(self, permission: _Permission) -> tuple[str, str, int]:
        """Within what NetworkPolicies do not tell apart what a caller does."""
        namespace, service, port, _ = permission
        return namespace, service, 0 if self.ambient else port


def _shared_accounts(pairs: Pairs) -> Iterator[tuple[Connection, Caller, str, bool]]:
    found: dict[tuple[str, str, str], _Account] = {}
    crossed: dict[str, set[_Scope]] = {}
    for each, server in pairs:
        client, cluster, service = each.client, server.cluster, server.service
        if not isinstance(client, ComponentClient) or not has_identity(each, server):
            continue
        if each.case.crosses:
            crossed.setdefault(cluster.name, set()).add((service.namespace, service.service))
        ambient = cluster.network.mesh is Mesh.ISTIO_AMBIENT
        for namespace, account in {(e.namespace, e.account): None for e in client.pods}:
            known = _Account(f"service account {account} of namespace {namespace}", ambient)
            found.setdefault((cluster.name, namespace, account), known).add(each, server)
    for (where, _, _), known in found.items():
        for each, other, is_ruled in known.gains(crossed.get(where, ())):
            yield each, other, known.name, is_ruled
