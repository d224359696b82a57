"""How many replicas of a workload each of its clusters runs."""

from collections.abc import Iterator, Mapping, Sequence

from planners.model import (
    Cluster,
    Division,
    ExceptionRule,
    PlacementIntent,
    ReplicaRule,
    Unit,
)
from planners.placement.allocation import Allocation
from planners.placement.exceptions import in_force, scaled

Shares = Mapping[Unit, Mapping[tuple[str, str], int]]


def at_least(rule: ReplicaRule | None) -> dict[tuple[str, str], int]:
    """What each cluster runs for certain, before the replicas are divided."""
    if rule is None:
        return {}
    count = rule.total if rule.division is Division.DUPLICATED else min(1, rule.total)
    return {(rule.kind, rule.name): count}


def largest_remainder(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Divide `total` in proportion to the weights (Hare quota); equal remainders go by name."""
    whole = sum(weights.values())
    if not whole:
        return dict.fromkeys(weights, 0)
    shares = {name: total * weight // whole for name, weight in weights.items()}
    left = total - sum(shares.values())
    by_remainder = sorted(weights, key=lambda name: (-(total * weights[name] % whole), name))
    for name in by_remainder[:left]:
        shares[name] += 1
    return shares


def divide(
    allocation: Allocation,
) -> tuple[Shares, list[tuple[PlacementIntent | ExceptionRule, str]]]:
    """The replicas of every unit whose intent or exception says some, and what does not fit."""
    shares: dict[Unit, dict[tuple[str, str], int]] = {}
    problems: list[tuple[PlacementIntent | ExceptionRule, str]] = []
    clusters = {each.name: each for each in allocation.snapshot.clusters}
    for intent in allocation.snapshot.application.placements:
        rule = intent.replicas
        for component in intent.components if rule is not None else ():
            assert rule is not None
            mine = [clusters[name] for name in sorted(allocation.sites.get(component, ()))]
            found = _divide(allocation, component, rule, mine)
            for cluster in mine:
                count = found[cluster.name]
                unit = Unit(component, cluster.name)
                shares.setdefault(unit, {})[rule.kind, rule.name] = count
                if (rule.kind, rule.name) in scaled(allocation.snapshot, component, cluster):
                    continue
                not_ready = _overflow(allocation, component, rule, cluster, count)
                if not_ready and unit not in allocation.running:
                    message = f"{component}: {count} replicas of {rule.name} on {cluster.name} "
                    problems.append((intent, message + not_ready))
    for component, cluster, counts in _excepted(allocation):
        shares.setdefault(Unit(component, cluster.name), {}).update(counts)
        problems += _crowded(allocation, component, cluster, counts)
    return shares, problems


def _excepted(allocation: Allocation) -> Iterator[tuple[str, Cluster, dict[tuple[str, str], int]]]:
    """What exceptions give, instead of what is divided or written."""
    for cluster in allocation.snapshot.clusters:
        for component in sorted(allocation.placed.get(cluster.name, ())):
            counts = scaled(allocation.snapshot, component, cluster)
            if counts:
                yield component, cluster, counts


def _crowded(
    allocation: Allocation, component: str, cluster: Cluster, counts: Mapping[tuple[str, str], int]
) -> Iterator[tuple[ExceptionRule, str]]:
    """Room that an exception takes and that is not there: what runs has to make do, more has not.

    Everything is placed already, so that what is free is what is left.
    """
    written = allocation.requests(Unit(component, cluster.name), {})
    for resource, amount in sorted(
        allocation.requests(Unit(component, cluster.name), counts).items()
    ):
        free = allocation.free(cluster, resource)
        if amount > written.get(resource, 0) and free is not None and free.value < 0:
            rule = next(
                r for r in in_force(allocation.snapshot, component) if r.replicas is not None
            )
            replicas = ", ".join(f"{count} of {name}" for (_, name), count in counts.items())
            message = f"{component}: {replicas} on {cluster.name} need more {resource} than is free"
            yield rule, f"{message} ({free.source})"


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
    return next((weight for selector, weight in rule.weights if selector.matches(cluster)), 1)


def _each(
    allocation: Allocation, component: str, rule: ReplicaRule, cluster: Cluster
) -> dict[str, int]:
    """What one more replica requests."""
    key = (rule.kind, rule.name)
    one = allocation.requests(Unit(component, cluster.name), {key: 1})
    none = allocation.requests(Unit(component, cluster.name), {key: 0})
    return {name: amount - none.get(name, 0) for name, amount in one.items()}


def _room(allocation: Allocation, component: str, rule: ReplicaRule, cluster: Cluster) -> int:
    """How many replicas fit, at least the one that is there; as many as there are where unknown."""
    fits = rule.total
    for resource, amount in _each(allocation, component, rule, cluster).items():
        free = allocation.free(cluster, resource)
        if free is not None and amount > 0:
            fits = min(fits, 1 + max(free.value, 0) // amount)
    return fits


def _overflow(
    allocation: Allocation, component: str, rule: ReplicaRule, cluster: Cluster, count: int
) -> str | None:
    """What does not fit of the replicas beyond those that were placed already; else takes them."""
    more = count - at_least(rule)[rule.kind, rule.name]
    if more <= 0:
        return None
    needed = {
        name: more * each for name, each in _each(allocation, component, rule, cluster).items()
    }
    for resource, amount in sorted(needed.items()):
        free = allocation.free(cluster, resource)
        if free is not None and amount > free.value:
            return f"need more {resource} than is free ({free.source})"
    allocation.place(Unit(component, cluster.name), needed)
    return None
