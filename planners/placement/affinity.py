"""Affinities between components: which rules apply, and which clusters satisfy them."""

from collections.abc import Iterator
from dataclasses import replace

from planners.model import (
    Affinity,
    Application,
    Cluster,
    Component,
    DependencyScope,
    PlacementIntent,
)
from planners.placement.allocation import Allocation


def required_affinities(
    component: Component, intent: PlacementIntent, *, choosing: bool
) -> Iterator[Affinity]:
    """The rules that must hold; in a choice, `on: sameCluster` dependencies are affinities too.

    A component is always near itself.
    """
    own = component.name
    for rule in intent.affinity:
        if rule.required and (rule.apart or (rule.component, rule.application) != (own, None)):
            yield rule
    if choosing:
        for dependency in component.depends_on:
            if dependency.on is DependencyScope.SAME_CLUSTER and not dependency.implied:
                yield Affinity(dependency.component, dependency.application)


def apart_from(application: Application, component: str) -> Iterator[Affinity]:
    """The rules by which other components stay apart from this one, as rules of this one.

    Apart is symmetric: whichever of the two is placed second keeps its distance.
    """
    for intent in application.placements:
        for rule in intent.affinity:
            own = rule.application in (None, application.name)
            if rule.required and rule.apart and own and rule.component == component:
                for other in intent.components:
                    if other != component:
                        yield replace(rule, component=other, application=None)


def hosts_in_domain(allocation: Allocation, rule: Affinity, cluster: Cluster) -> list[str]:
    """The clusters in the topology domain of `cluster` that run the rule's component, sorted."""
    columns = allocation.columns
    hosts = allocation.hosts(rule.component, rule.application)
    if rule.topology_key is None:
        return [cluster.name] if hosts[columns.position[cluster.name]] else []
    domain = cluster.labels.get(rule.topology_key)
    if domain is None:
        return []
    return columns.named(hosts & columns.label(rule.topology_key).equal(domain))


def neighbours(
    allocation: Allocation, rule: Affinity, component: str, cluster: Cluster
) -> list[str]:
    """The hosts of the rule's component near `component` on `cluster`, which is none for itself."""
    same = rule.component == component and allocation.is_own(rule.application)
    hosts = hosts_in_domain(allocation, rule, cluster)
    return [name for name in hosts if not (same and name == cluster.name)]


def describe(rule: Affinity) -> str:
    """The rule's component (`cart`, `shop/cart`), with its topology: `cart in the same region`."""
    name = f"{rule.application}/{rule.component}" if rule.application else rule.component
    return f"{name} in the same {rule.topology_key}" if rule.topology_key else name
