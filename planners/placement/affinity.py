"""Who keeps whom company: affinities between components, on a cluster or in its domain."""

from collections.abc import Iterator

from planners.model import Affinity, Cluster, Component, DependencyScope, PlacementIntent
from planners.placement.allocation import Allocation


def required(
    component: Component, intent: PlacementIntent, *, choosing: bool
) -> Iterator[Affinity]:
    """What must hold; in a choice `on: sameCluster` dependencies count as affinities."""
    yield from (rule for rule in intent.affinity if rule.required)
    if choosing:
        for need in component.depends_on:
            if need.on is DependencyScope.SAME_CLUSTER and not need.implied:
                yield Affinity(need.component, need.application)


def neighbours(allocation: Allocation, rule: Affinity, cluster: Cluster) -> list[str]:
    """The clusters in the same domain as `cluster` that host what the rule names, sorted."""
    hosts = allocation.hosts(rule.component, rule.application)
    if rule.topology_key is None:
        return [cluster.name] if cluster.name in hosts else []
    domain = cluster.labels.get(rule.topology_key)
    if domain is None:
        return []
    return sorted(
        name for name in hosts if allocation.labels.get(name, {}).get(rule.topology_key) == domain
    )


def subject(rule: Affinity) -> str:
    """`cart`, or `shop/cart` for another application's; with the topology where it is wider."""
    name = f"{rule.application}/{rule.component}" if rule.application else rule.component
    return f"{name} in the same {rule.topology_key}" if rule.topology_key else name
