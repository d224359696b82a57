"""Affinities between components: which rules apply, and which clusters satisfy them."""

from collections.abc import Iterator

from planners.model import Affinity, Cluster, Component, DependencyScope, PlacementIntent
from planners.placement.allocation import Allocation


def required_affinities(
    component: Component, intent: PlacementIntent, *, choosing: bool
) -> Iterator[Affinity]:
    """The rules that must hold; in a choice, `on: sameCluster` dependencies are affinities too."""
    yield from (rule for rule in intent.affinity if rule.required)
    if choosing:
        for dependency in component.depends_on:
            if dependency.on is DependencyScope.SAME_CLUSTER and not dependency.implied:
                yield Affinity(dependency.component, dependency.application)


def hosts_in_domain(allocation: Allocation, rule: Affinity, cluster: Cluster) -> list[str]:
    """The clusters in the topology domain of `cluster` that run the rule's component, sorted."""
    hosts = allocation.hosts(rule.component, rule.application)
    if rule.topology_key is None:
        return [cluster.name] if cluster.name in hosts else []
    domain = cluster.labels.get(rule.topology_key)
    if domain is None:
        return []
    return sorted(
        name for name in hosts if allocation.labels.get(name, {}).get(rule.topology_key) == domain
    )


def describe(rule: Affinity) -> str:
    """The rule's component (`cart`, `shop/cart`), with its topology: `cart in the same region`."""
    name = f"{rule.application}/{rule.component}" if rule.application else rule.component
    return f"{name} in the same {rule.topology_key}" if rule.topology_key else name
