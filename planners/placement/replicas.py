"""Distributes the replicas of workloads over their clusters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from planners.model import (
    Cluster,
    Division,
    PlacementIntent,
    PlanProblem,
    ReplicaRule,
    Target,
    Unit,
)
from planners.model.requests import ReplicaCounts
from planners.placement.allocation import Allocation
from planners.placement.exceptions import in_force, replica_overrides

SHOWN_CLUSTERS = 3
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


def largest_remainder(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Divide `total` in proportion to the weights (Hare quota); ties are resolved by name."""
    whole = sum(weights.values())
    if not whole:
        return dict.fromkeys(weights, 0)
    shares = {name: total * weight // whole for name, weight in weights.items()}
    rest = total - sum(shares.values())
    by_remainder = sorted(weights, key=lambda name: (-(total * weights[name] % whole), name))
    for name in by_remainder[:rest]:
        shares[name] += 1
    return shares


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
        problems += _check_overrides(allocation, overrides)
    return ReplicaDistribution(replicas, tuple(problems))


def _clusters_of(allocation: Allocation, component: str) -> list[Cluster]:
    clusters = {each.name: each for each in allocation.snapshot.clusters}
    return [clusters[name] for name in sorted(allocation.clusters_of.get(component, ()))]


def _check_weights(
    intent: PlacementIntent, rule: ReplicaRule, component: str, clusters: Sequence[Cluster]
) -> Iterator[PlanProblem]:
    """A problem if replicas are divided by weights that are all 0."""
    if rule.division is not Division.WEIGHTED or not rule.total or not clusters:
        return
    if not any(_weight(rule, each) for each in clusters):
        names = ", ".join(each.name for each in clusters[:SHOWN_CLUSTERS])
        yield PlanProblem(
            f"{component}: none of {rule.total} replicas of {rule.name} would run, because all "
            f"clusters have weight 0 ({names}): give one of them a weight",
            intent.position,
        )


def _check_capacity(
    allocation: Allocation, intent: PlacementIntent, cluster: Cluster, unit: Unit, count: int
) -> Iterator[PlanProblem]:
    """A problem if a new unit's replicas exceed the capacity of its cluster."""
    rule = intent.replicas
    assert rule is not None
    overrides = replica_overrides(allocation.snapshot, unit.component, cluster)
    if rule.workload in overrides:
        return
    excess = _assign_remaining(allocation, rule, cluster, unit, count)
    if excess and unit not in allocation.running:
        message = f"{unit.component}: {count} replicas of {rule.name} on {cluster.name} {excess}"
        yield PlanProblem(message, intent.position)


def _overrides(allocation: Allocation) -> Iterator[_UnitOverrides]:
    """The replicas that exceptions set instead of the distributed or written ones."""
    for cluster in allocation.snapshot.clusters:
        for component in sorted(allocation.components_on.get(cluster.name, ())):
            counts = replica_overrides(allocation.snapshot, component, cluster)
            if counts:
                yield _UnitOverrides(component, cluster, counts)


def _check_overrides(allocation: Allocation, overrides: _UnitOverrides) -> Iterator[PlanProblem]:
    """Problems where an exception requests more than the manifests do, and more than is free.

    Called after all assignments, so that free capacity is what remains.
    """
    component, cluster, counts = overrides.component, overrides.cluster, overrides.counts
    unit = Unit(component, cluster.name)
    written = allocation.requests(unit, {})
    for resource, amount in sorted(allocation.requests(unit, counts).items()):
        free = allocation.free(cluster, resource)
        if amount > written.get(resource, 0) and free is not None and free.value < 0:
            rules = in_force(allocation.snapshot, component)
            rule = next(each for each in rules if each.replicas is not None)
            replicas = ", ".join(
                f"{count} of {workload.name}" for workload, count in counts.items()
            )
            message = f"{component}: {replicas} on {cluster.name} need more {resource} than is free"
            yield PlanProblem(f"{message} ({free.source})", rule.position)


def _divide(
    allocation: Allocation, component: str, rule: ReplicaRule, clusters: Sequence[Cluster]
) -> dict[str, int]:
    match rule.division:
        case Division.DUPLICATED:
            return {each.name: rule.total for each in clusters}
        case Division.WEIGHTED:
            weights = {each.name: _weight(rule, each) for each in clusters}
        case Division.CAPACITY:
            weights = {each.name: _room(allocation, component, rule, each) for each in clusters}
    return largest_remainder(rule.total, weights)


def _weight(rule: ReplicaRule, cluster: Cluster) -> int:
    matching = (each.weight for each in rule.weights if each.clusters.matches(cluster))
    return next(matching, 1)


def _requests_per_replica(
    allocation: Allocation, component: str, rule: ReplicaRule, cluster: Cluster
) -> dict[str, int]:
    one = allocation.requests(Unit(component, cluster.name), {rule.workload: 1})
    none = allocation.requests(Unit(component, cluster.name), {rule.workload: 0})
    return {name: amount - none.get(name, 0) for name, amount in one.items()}


def _room(allocation: Allocation, component: str, rule: ReplicaRule, cluster: Cluster) -> int:
    """How many replicas fit, including the assigned one; all of them if capacity is unknown."""
    fitting = rule.total
    for resource, amount in _requests_per_replica(allocation, component, rule, cluster).items():
        free = allocation.free(cluster, resource)
        if free is not None and amount > 0:
            fitting = min(fitting, 1 + max(free.value, 0) // amount)
    return fitting


def _assign_remaining(
    allocation: Allocation, rule: ReplicaRule, cluster: Cluster, unit: Unit, count: int
) -> str | None:
    """Assign the replicas beyond the guaranteed ones; returns what prevents it, if anything."""
    more = count - guaranteed_replicas(rule)[rule.workload]
    if more <= 0:
        return None
    each = _requests_per_replica(allocation, unit.component, rule, cluster)
    requests = {name: more * amount for name, amount in each.items()}
    for resource, amount in sorted(requests.items()):
        free = allocation.free(cluster, resource)
        if free is not None and amount > free.value:
            return f"need more {resource} than is free ({free.source})"
    allocation.assign(unit, requests)
    return None
