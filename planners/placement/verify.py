"""Verifies a finished placement: every required rule holds, or the plan has a problem.

Called for every strategy: nothing that violates a rule becomes a plan.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from planners.model import Unit, quantities
from planners.placement.affinity import describe, neighbours, required_affinities
from planners.placement.evaluate import SELECTION_FILTERS, Rejection, add_rejection
from planners.placement.groups import PlacementGroup
from planners.placement.place import Placement, too_few
from planners.placement.topology_spread import spread_checks


@dataclass(frozen=True, slots=True)
class Violation:
    """A required rule of a group that the placement violates."""

    group: PlacementGroup
    text: str


def verify(placement: Placement, groups: Sequence[PlacementGroup]) -> None:
    """Add every violated rule, and every component without any cluster, as a problem."""
    for each in violations(placement, groups):
        placement.fail(each.group, each.text)
    _check_placed(placement, groups)


def violations(placement: Placement, groups: Sequence[PlacementGroup]) -> Iterator[Violation]:
    """Every required rule that the placement violates."""
    for index, group in enumerate(groups):
        for text in _violated_spread(placement, group):
            yield Violation(group, text)
        for text in _violated_affinities(placement, group, placement.assignments.get(index, ())):
            yield Violation(group, text)
    yield from _exceeded_capacity(placement, groups)


def _violated_spread(placement: Placement, group: PlacementGroup) -> Iterator[str]:
    """A choice spreads over all that it could choose, an allOf over what it has."""
    name, allocation = group.component.name, placement.allocation
    clusters = allocation.placed(name)
    if not group.intent.spread or not clusters.any():
        return
    if group.count is not None:
        clusters = placement.spread_candidates[name]
    for check in spread_checks(group.intent.spread, name, allocation, clusters):
        violation = check.violation()
        if violation is not None:
            yield f"the spread rule of {name} is violated ({group}): {violation}"


def _violated_affinities(
    placement: Placement, group: PlacementGroup, assigned: Sequence[int]
) -> Iterator[str]:
    """Rules of apart count for every cluster of the component, the others for the group's own."""
    name, allocation = group.component.name, placement.allocation
    choosing = group.count is not None
    for rule in required_affinities(group.component, group.intent, choosing=choosing):
        near = allocation.near(rule, name)
        if rule.apart:
            for at in np.flatnonzero(allocation.placed(name) & near).tolist():
                cluster = placement.columns.clusters[at]
                hosts = neighbours(allocation, rule, name, cluster)
                yield (
                    f"{name} is on {cluster.name} and must be apart from {describe(rule)} "
                    f"({group}), but {rule.component} is on {hosts[0]}"
                )
            continue
        for at in assigned:
            if not near[at]:
                cluster = placement.columns.clusters[at]
                yield f"{name} is on {cluster.name} and needs {describe(rule)} ({group})"


def _exceeded_capacity(
    placement: Placement, groups: Sequence[PlacementGroup]
) -> Iterator[Violation]:
    """Resources of which more is requested than is free, unless all of it runs there already."""
    allocation = placement.allocation
    for cluster in allocation.overdrawn():
        units = [Unit(name, cluster.name) for name in allocation.components_on(cluster.name)]
        for resource in allocation.exceeded(cluster):
            amounts = {
                each.component: allocation.requested(each).get(resource, 0) for each in units
            }
            names = [name for name, amount in amounts.items() if amount]
            group = next(each for each in groups if each.component.name in names)
            amount = quantities.write(sum(amounts.values()))
            free = allocation.free(cluster, resource)
            assert free is not None
            more = f"{quantities.write(-free.value)} more than is free ({free.source})"
            text = f"{', '.join(names)} on {cluster.name} request {resource} {amount}, {more}"
            yield Violation(group, text)


def _check_placed(placement: Placement, groups: Sequence[PlacementGroup]) -> None:
    """A component without any cluster is a problem, unless it already has one, or needs none."""
    on_demand = placement.allocation.snapshot.application.on_demand
    for group in groups:
        name = group.component.name
        if (
            name in placement.failed_components | on_demand
            or placement.allocation.placed(name).any()
        ):
            continue
        placement.fail(group, too_few(group, 0, 1, _rejections(placement, name)))


def _rejections(placement: Placement, component: str) -> Sequence[Rejection]:
    """Why a component without clusters has none; of selected clusters, if there are any."""
    every: dict[str, Rejection] = {}
    for decision in placement.trace_of(component):
        add_rejection(every, decision.unit.cluster, decision.verdict)
    selected = [each for each in every.values() if each.filter not in SELECTION_FILTERS]
    return selected or list(every.values())
