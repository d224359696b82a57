"""Pairs callers with callees: which unit calls which unit, by what way, and in which order.

A caller whose cluster also runs the callee calls it there, and nowhere else; otherwise it calls the
callee on every cluster that runs it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from planners.model.connectivity import ConnectivityIntent
from planners.model.network import Mesh
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

    `server` is None for a host or network that is called.
    """

    intent: ConnectivityIntent
    case: Case
    client: Unit | None
    server: Unit | None


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


def with_order(application: Application) -> Application:
    """The application with a dependency of each caller on what it calls.

    What admits a caller is written on the server's side before the caller changes, and a callee
    that moves is ready at its new place before its callers turn to it. A dependency that would
    close a cycle is not added: components may call each other.
    """
    components = {each.name: each for each in application.components}
    for intent in application.connectivity:
        caller, callee = intent.caller.component, intent.callee.component
        if not caller or not callee or caller == callee:
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


def links(
    application: Application,
    units: Sequence[Unit],
    leaving: Iterable[Unit],
    clusters: Mapping[str, Cluster],
) -> tuple[Link, ...]:
    """Every link of the application's intents, in the order of the intents and then of the units.

    `leaving` are units that still run and will be removed: they may call until then. Links beyond
    `MAX_LINKS` are left out; `link_problems` reports that.
    """
    placed: dict[str, list[str]] = {}
    for unit in units:
        placed.setdefault(unit.component, []).append(unit.cluster)
    callers = {name: list(where) for name, where in placed.items()}
    for unit in sorted(leaving):
        if unit.cluster in clusters:
            callers.setdefault(unit.component, []).append(unit.cluster)
    found: list[Link] = []
    for intent in application.connectivity:
        for each in _links(intent, placed, callers, clusters):
            found.append(each)
            if len(found) > MAX_LINKS:
                return tuple(found)
    return tuple(found)


def _links(
    intent: ConnectivityIntent,
    placed: Mapping[str, Sequence[str]],
    callers: Mapping[str, Sequence[str]],
    clusters: Mapping[str, Cluster],
) -> Iterator[Link]:
    caller, callee = intent.caller, intent.callee
    servers = placed.get(callee.component, ())
    if not caller.component:
        case = Case.SAME_CLUSTER if caller.namespace else Case.OUTSIDE
        yield from (Link(intent, case, None, Unit(callee.component, each)) for each in servers)
        return
    here = frozenset(servers)
    for cluster in callers.get(caller.component, ()):
        client = Unit(caller.component, cluster)
        if not callee.component:
            yield Link(intent, Case.EGRESS, client, None)
            continue
        for server in (cluster,) if cluster in here else servers:
            case = case_between(clusters[cluster], clusters[server])
            yield Link(intent, case, client, Unit(callee.component, server))


def link_problems(found: Sequence[Link]) -> Iterator[PlanProblem]:
    """More links than are carried out."""
    if len(found) > MAX_LINKS:
        intent = found[-1].intent
        yield PlanProblem(
            f"the connectivity intents connect more than {MAX_LINKS} pairs of units (at {intent}): "
            f"place {intent.callee} on the clusters of {intent.caller}, or on fewer clusters",
            intent.position,
        )
