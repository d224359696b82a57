"""Distributes the replicas of workloads over their clusters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from planners.model import (
    Cluster,
    Division,
    PlacementIntent,
    PlanProblem,
    ReplicaRule,
    Target,
    Unit,
    listing,
)
from planners.model.requests import ReplicaCounts, WorkloadRequests
from planners.placement.allocation import Allocation
from planners.placement.divide import divide
from planners.placement.exceptions import in_force, replica_overrides

UnitReplicas = Mapping[Unit, ReplicaCounts]


@dataclass(frozen=True, slots=True)
class ReplicaDistribution:
    """The replicas of every unit that has a rule or an exception, and what exceeds capacity."""

    replicas: UnitReplicas
    problems: tuple[PlanProblem, ...]


@dataclass(frozen=True, slots=True)
class _UnitOverrides:
    """The replicas that exceptions set for one component on one cluster."""

    component: str
    cluster: Cluster
    counts: ReplicaCounts


def guaranteed_replicas(rule: ReplicaRule | None) -> dict[Target, int]:
    """The replicas that each cluster runs in any case, before distribution."""
    if rule is None:
        return {}
    count = rule.total if rule.division is Division.DUPLICATED else min(1, rule.total)
    return {rule.workload: count}


def distribute(allocation: Allocation) -> ReplicaDistribution:
    """Distribute the replicas of all intents, then apply the exceptions."""
    replicas: dict[Unit, dict[Target, int]] = {}
    problems: list[PlanProblem] = []
    for intent in allocation.snapshot.application.placements:
        rule = intent.replicas
        for component in intent.components if rule is not None else ():
            assert rule is not None
            clusters = _clusters_of(allocation, component)
            problems += _check_weights(intent, rule, component, clusters)
            counts = _divide(allocation, component, rule, clusters)
            for cluster in clusters:
                unit = Unit(component, cluster.name)
                replicas.setdefault(unit, {})[rule.workload] = counts[cluster.name]
                problems += _check_capacity(allocation, intent, cluster, unit, counts[cluster.name])
    for overrides in _overrides(allocation):
        unit = Unit(overrides.component, overrides.cluster.name)
        replicas.setdefault(unit, {}).update(overrides.counts)
    return ReplicaDistribution(replicas, tuple(problems))


def _clusters_of(allocation: Allocation, component: str) -> list[Cluster]:
    positions = np.flatnonzero(allocation.placed(component)).tolist()
    return [allocation.columns.clusters[at] for at in positions]


def _check_weights(
    intent: PlacementIntent, rule: ReplicaRule, component: str, clusters: Sequence[Cluster]
) -> Iterator[PlanProblem]:
    """A problem if replicas are divided by weights that are all 0."""
    if rule.division is not Division.WEIGHTED or not rule.total or not clusters:
        return
    if not any(_weight(rule, each) for each in clusters):
        names = listing([each.name for each in clusters])
        yield PlanProblem(
            f"{component}: none of {rule.total} replicas of {rule.name} would run, because all "
            f"clusters have weight 0 ({names}): give one of them a weight",
            intent.position,
        )


def _check_capacity(
    allocation: Allocation, intent: PlacementIntent, cluster: Cluster, unit: Unit, count: int
) -> Iterator[PlanProblem]:
    """A problem if a unit's replicas exceed the capacity of its cluster, unless it has them."""
    rule = intent.replicas
    assert rule is not None
    overrides = replica_overrides(allocation.snapshot, unit.component, cluster)
    if rule.workload in overrides:
        return
    excess = _assign_remaining(allocation, rule, cluster, unit, count)
    if excess:
        message = f"{unit.component}: {count} replicas of {rule.name} on {cluster.name} {excess}"
        yield PlanProblem(message, intent.position)


def _overrides(allocation: Allocation) -> Iterator[_UnitOverrides]:
    """The replicas that exceptions set instead of the distributed or written ones."""
    snapshot = allocation.snapshot
    for component in sorted(
        {each for rule in snapshot.application.exceptions for each in rule.components}
    ):
        if any(rule.replicas is not None for rule in in_force(snapshot, component)):
            for cluster in _clusters_of(allocation, component):
                counts = replica_overrides(snapshot, component, cluster)
                if counts:
                    yield _UnitOverrides(component, cluster, counts)


def _divide(
    allocation: Allocation, component: str, rule: ReplicaRule, clusters: Sequence[Cluster]
) -> dict[str, int]:
    """The replicas on each cluster; a division by capacity keeps what runs, as far as it fits."""
    scope = f"{allocation.snapshot.application.name}/{component}"
    match rule.division:
        case Division.DUPLICATED:
            return {each.name: rule.total for each in clusters}
        case Division.WEIGHTED:
            weights = {each.name: _weight(rule, each) for each in clusters}
            return divide(rule.total, weights, scope)
        case Division.CAPACITY:
            room = {each.name: _room(allocation, component, rule, each) for each in clusters}
            running = {
                each.name: min(_running(allocation, component, rule, each), room[each.name])
                for each in clusters
            }
            most = room if sum(room.values()) >= rule.total else None
            return divide(rule.total, room, scope, most, running)


def _running(allocation: Allocation, component: str, rule: ReplicaRule, cluster: Cluster) -> int:
    """The merged number of replicas, by the pods that the unit claims."""
    unit = Unit(component, cluster.name)
    others = allocation.requests(unit, {rule.workload: 0}).get("pods", 0)
    each = _requests_per_replica(allocation, component, rule, cluster).get("pods", 0)
    pods = (allocation.supply.merged(unit) or {}).get("pods", 0)
    return max(0, pods - others) // each if each else 0


def _weight(rule: ReplicaRule, cluster: Cluster) -> int:
    matching = (each.weight for each in rule.weights if each.clusters.matches(cluster))
    return next(matching, 1)


def _requests_per_replica(
    allocation: Allocation, component: str, rule: ReplicaRule, cluster: Cluster
) -> dict[str, int]:
    divided = _divided(allocation, Unit(component, cluster.name), rule)
    return dict(divided.per_pod) if divided is not None else {}


def _divided(allocation: Allocation, unit: Unit, rule: ReplicaRule) -> WorkloadRequests | None:
    """The workload whose replicas are divided."""
    workloads = allocation.supply.workloads.get(unit, ())
    found = (each for each in workloads if each.workload == rule.workload)
    return next((each for each in found if not each.per_node), None)


def _run(allocation: Allocation, unit: Unit, rule: ReplicaRule, count: int) -> int:
    """How many replicas run where so many are set: an autoscaler has a minimum."""
    divided = _divided(allocation, unit, rule)
    return count if divided is None else divided.count({rule.workload: count}, nodes=1)


def _room(allocation: Allocation, component: str, rule: ReplicaRule, cluster: Cluster) -> int:
    """How many replicas fit, including the assigned one; all of them if capacity is unknown."""
    unit, fitting = Unit(component, cluster.name), rule.total
    assigned = _run(allocation, unit, rule, guaranteed_replicas(rule)[rule.workload])
    for resource, amount in _requests_per_replica(allocation, component, rule, cluster).items():
        free = allocation.free(cluster, resource)
        if free is not None and amount > 0:
            fitting = min(fitting, assigned + max(free.value, 0) // amount)
    return fitting


def _assign_remaining(
    allocation: Allocation, rule: ReplicaRule, cluster: Cluster, unit: Unit, count: int
) -> str | None:
    """Assign the replicas beyond the guaranteed ones; returns what they exceed, if anything."""
    assigned = _run(allocation, unit, rule, guaranteed_replicas(rule)[rule.workload])
    more = _run(allocation, unit, rule, count) - assigned
    if more <= 0:
        return None
    each = _requests_per_replica(allocation, unit.component, rule, cluster)
    requests = {name: more * amount for name, amount in each.items()}
    allocation.assign(unit, requests)
    for resource in allocation.exceeded(cluster):
        total = allocation.requested(unit).get(resource, 0)
        free = allocation.free(cluster, resource)
        if requests.get(resource) and free and not allocation.keeps(unit, resource, total):
            return f"need more {resource} than is free ({free.source})"
    return None
