"""Pairs callers with callees: which unit calls which unit, by what way, and in which order.

A caller whose cluster also runs the callee calls it there, and nowhere else; otherwise it calls the
callee on every cluster that runs it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from planners.model import (
    Application,
    Cluster,
    Dependency,
    DependencyScope,
    PlanProblem,
    Unit,
)
from planners.model.connectivity import Callee, Caller, ConnectivityIntent
from planners.model.network import Mesh
from planners.model.snapshot import PeerApplication
from planners.order import depends_on

MAX_LINKS = 200_000
"""How many pairs of units the intents of one application may connect."""


class Case(StrEnum):
    """By what way a connection goes."""

    SAME_CLUSTER = "in one cluster"
    ONE_MESH = "across clusters in one mesh"
    SEPARATE_MESHES = "across separate meshes"
    CLUSTER_SET = "across clusters of a ClusterSet"
    APART = "across clusters without a mesh or a ClusterSet"
    OUTSIDE = "from outside"
    EGRESS = "to outside"

    @property
    def crosses(self) -> bool:
        """Whether it leaves one cluster of the fleet for another one."""
        return self not in {Case.SAME_CLUSTER, Case.OUTSIDE, Case.EGRESS}


@dataclass(frozen=True, slots=True)
class Link:
    """One connection of an intent: `client` is None for a namespace or network that calls.

    `server` is None for a host or network that is called. `entry` is where callers from outside
    reach the server's cluster, as far as it states that.
    """

    intent: ConnectivityIntent
    case: Case
    client: Unit | None
    server: Unit | None
    entry: str = ""


def case_between(client: Cluster, server: Cluster) -> Case:
    """By what way pods of one cluster reach a Service of another one."""
    if client.name == server.name:
        return Case.SAME_CLUSTER
    ours, theirs = client.network, server.network
    if ours.mesh is not Mesh.NONE and theirs.mesh is not Mesh.NONE:
        if ours.mesh.is_istio and theirs.mesh.is_istio:
            shared = ours.mesh_id and ours.mesh_id == theirs.mesh_id
            return Case.ONE_MESH if shared else Case.SEPARATE_MESHES
        if ours.mesh is theirs.mesh:
            return Case.SEPARATE_MESHES
    if ours.cluster_set and ours.cluster_set == theirs.cluster_set:
        return Case.CLUSTER_SET
    return Case.APART


def named_applications(application: Application) -> tuple[str, ...]:
    """The other applications that its intents name."""
    sides = (
        name
        for each in application.connectivity
        for name in (each.caller.application, each.callee.application)
    )
    return tuple(sorted({name for name in sides if name}))


def with_order(application: Application) -> Application:
    """The application with a dependency of each caller on what it calls.

    What admits a caller is written on the server's side before the caller changes, and a callee
    that moves is ready at its new place before its callers turn to it. A dependency that would
    close a cycle is not added: components may call each other.
    """
    components = {each.name: each for each in application.components}
    for intent in application.connectivity:
        caller, callee = intent.caller.component, intent.callee.component
        foreign = intent.caller.application or intent.callee.application
        if foreign or not caller or not callee or caller == callee:
            continue
        known = components[caller].depends_on
        if any(each.component == callee and each.application is None for each in known):
            continue
        if not depends_on(components, callee, caller):
            need = Dependency(callee, on=DependencyScope.CALLED_CLUSTERS, implied=True)
            components[caller] = replace(components[caller], depends_on=(*known, need))
    return replace(
        application, components=tuple(components[each.name] for each in application.components)
    )


def called(servers: Sequence[Unit], clients: Iterable[str]) -> tuple[Unit, ...]:
    """Which of a callee's units are called from clusters with a caller."""
    here = frozenset(clients)
    local = tuple(unit for unit in servers if unit.cluster in here)
    return local if len(local) == len(here) else tuple(servers)


@dataclass(frozen=True, slots=True)
class Places:
    """Where callers and callees run: the units that are planned, and those that will be removed."""

    units: Sequence[Unit]
    leaving: Collection[Unit]
    clusters: Mapping[str, Cluster]
    peers: Mapping[str, PeerApplication]

    def callees(self, callee: Callee) -> list[str]:
        """The clusters on which a component is called."""
        return self._where(callee.component, callee.application, self.units)

    def callers(self, caller: Caller) -> list[str]:
        """The clusters from which a component calls; it may do so until it is removed."""
        found = self._where(caller.component, caller.application, self.units)
        if not caller.application:
            found += self._where(caller.component, "", sorted(self.leaving))
        return found

    def _where(self, component: str, application: str, units: Iterable[Unit]) -> list[str]:
        if application:
            peer = self.peers.get(application)
            units = sorted(peer.objects) if peer else ()
        return [each.cluster for each in units if each.component == component]


def links(application: Application, places: Places) -> tuple[Link, ...]:
    """Every link of the application's intents, in the order of the intents and then of the units.

    Links beyond `MAX_LINKS` are left out; `link_problems` reports that.
    """
    found: list[Link] = []
    for intent in application.connectivity:
        if disagreement(application, intent, places.peers):
            continue
        for each in _links(intent, places):
            if each.client and each.client.cluster not in places.clusters:
                continue
            if each.server and each.server.cluster not in places.clusters:
                continue
            found.append(each)
            if len(found) > MAX_LINKS:
                return tuple(found)
    return tuple(found)


def _links(intent: ConnectivityIntent, places: Places) -> Iterator[Link]:
    caller, callee = intent.caller, intent.callee
    servers = places.callees(callee) if callee.component else []
    if not caller.component:
        case = Case.SAME_CLUSTER if caller.namespace else Case.OUTSIDE
        for each in servers:
            entry = _entry(places.clusters.get(each)) if intent.external else ""
            yield Link(intent, case, None, Unit(callee.component, each), entry)
        return
    here, clusters = frozenset(servers), places.clusters
    for cluster in places.callers(caller):
        client = Unit(caller.component, cluster)
        if not callee.component:
            yield Link(intent, Case.EGRESS, client, None)
            continue
        for server in (cluster,) if cluster in here else servers:
            known = cluster in clusters and server in clusters
            case = case_between(clusters[cluster], clusters[server]) if known else Case.APART
            yield Link(intent, case, client, Unit(callee.component, server))


def _entry(cluster: Cluster | None) -> str:
    ingress = cluster.network.ingress if cluster is not None else None
    return ingress.address if ingress is not None else ""


def disagreement(
    application: Application, intent: ConnectivityIntent, peers: Mapping[str, PeerApplication]
) -> str:
    """Why an intent with a component of another application opens nothing yet; else empty.

    Between tenants both must declare the pair. Each declares its own side.
    """
    name = intent.caller.application or intent.callee.application
    if not name:
        return ""
    peer = peers.get(name)
    if peer is None:
        return f"application {name} cannot be read here"
    if peer.tenant == application.tenant:
        return ""
    for each in peer.connectivity or ():
        if (
            each.caller.component == intent.caller.component
            and each.callee.component == intent.callee.component
            and (each.caller.application or name) == (intent.caller.application or application.name)
            and (each.callee.application or name) == (intent.callee.application or application.name)
        ):
            return ""
    return f"application {name} of tenant {peer.tenant} does not declare it too"


def idle_connections(application: Application, places: Places) -> Iterator[PlanProblem]:
    """Intents that open nothing, because of another application; warnings of a plan."""
    for intent in application.connectivity:
        name = intent.caller.application or intent.callee.application
        if not name:
            continue
        reason = disagreement(application, intent, places.peers)
        if not reason and not any(_links(intent, places)):
            reason = f"application {name} does not run it yet, or not where it is reached"
        if reason:
            message = f"connectivity from {intent} opens nothing: {reason}"
            yield PlanProblem(message, intent.position)


def link_problems(found: Sequence[Link]) -> Iterator[PlanProblem]:
    """More links than are carried out."""
    if len(found) > MAX_LINKS:
        intent = found[-1].intent
        yield PlanProblem(
            f"the connectivity intents connect more than {MAX_LINKS} pairs of units (at {intent}): "
            f"place {intent.callee} on the clusters of {intent.caller}, or on fewer clusters",
            intent.position,
        )
