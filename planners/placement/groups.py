"""What has to be placed, piece by piece and in which order: allOf entries first, then choices."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

from planners.model import (
    AnyOf,
    Application,
    ClusterCount,
    Component,
    ExceptionRule,
    PlacementIntent,
    Unit,
)
from planners.model.selectors import Selector
from planners.model.snapshot import Snapshot
from planners.placement.allocation import Allocation
from planners.placement.exceptions import in_force, scaled
from planners.placement.filters import Request
from planners.placement.replicas import at_least


@dataclass(frozen=True, slots=True)
class PlacementGroup:
    """One component and one entry of its intent: all selected clusters, or the best `count`.

    With an `exception` it is the clusters that this adds.
    """

    component: Component
    intent: PlacementIntent
    selectors: tuple[Selector, ...]
    count: ClusterCount | None
    exception: ExceptionRule | None = None

    def request(self, allocation: Allocation, *, jointly: bool = False) -> Request:
        """The question that filters and scores are asked."""
        snapshot = allocation.snapshot
        replicas = at_least(self.intent.replicas)
        return Request(
            component=self.component,
            selectors=self.selectors,
            tenant=snapshot.tenant,
            intent=self.intent,
            allocation=allocation,
            requests={
                cluster.name: allocation.requests(
                    Unit(self.component.name, cluster.name),
                    {**replicas, **scaled(snapshot, self.component.name, cluster)},
                )
                for cluster in snapshot.clusters
            },
            choosing=self.count is not None,
            jointly=jointly,
        )

    def __str__(self) -> str:
        selected = " or ".join(str(selector) for selector in self.selectors)
        if self.exception is not None:
            return f"{selected}, added {self.exception}"
        if self.count is None:
            return f"allOf {selected}"
        return f"anyOf {selected}: {self.count}"


def placement_groups(snapshot: Snapshot) -> tuple[PlacementGroup, ...]:
    """Everything to place, in an order that does not depend on the order of anything given.

    What must be on every selected cluster comes before choices, since it cannot give way; among
    these, what others need or want to be near comes first.
    """
    ranks = _ranks(snapshot.application)
    found = [
        group
        for intent in snapshot.application.placements
        for name in intent.components
        if (component := snapshot.application.component(name)) is not None
        for group in _entries(component, intent)
    ] + list(_added(snapshot))
    return tuple(
        sorted(
            found,
            key=lambda group: (
                depends_on_others(group),
                ranks[group.component.name],
                group.component.name,
                str(group),
                repr(group.intent),
            ),
        )
    )


def _entries(component: Component, intent: PlacementIntent) -> Iterator[PlacementGroup]:
    for entry in intent.all_of:
        if isinstance(entry, AnyOf):
            yield PlacementGroup(component, intent, entry.select, entry.count)
        else:
            yield PlacementGroup(component, intent, (entry,), None)
    if intent.any_of is not None:
        yield PlacementGroup(component, intent, intent.any_of.select, intent.any_of.count)


def _added(snapshot: Snapshot) -> Iterator[PlacementGroup]:
    """What exceptions add, under the first intent of the component: its rules but the selecting."""
    application = snapshot.application
    for component in application.components:
        mine = [each for each in application.placements if component.name in each.components]
        for rule in in_force(snapshot, component.name) if mine else ():
            if rule.add:
                where = Selector(names=rule.add)
                intent = replace(
                    mine[0],
                    all_of=(where,),
                    any_of=None,
                    excluded=None,
                    spread=(),
                    position=rule.position,
                )
                yield PlacementGroup(component, intent, (where,), None, rule)


def depends_on_others(group: PlacementGroup) -> bool:
    """Whether it depends on what is placed before: a choice, or an allOf that follows others."""
    follows = any(rule.required and not rule.apart for rule in group.intent.affinity)
    return group.count is not None or follows


def _ranks(application: Application) -> dict[str, int]:
    """How far each component is from one that needs nothing; affinities in a circle count not."""
    needs = {
        part.name: {need.component for need in part.depends_on if need.application is None}
        for part in application.components
    }
    near = {name: set(below) for name, below in needs.items()}
    for intent in application.placements:
        for name in intent.components:
            for rule in intent.affinity:
                if rule.required and rule.application is None and not rule.apart:
                    near.setdefault(name, set()).add(rule.component)
    try:
        return _depths(near)
    except CycleError:
        return _depths(needs)


def _depths(needs: dict[str, set[str]]) -> dict[str, int]:
    depths: dict[str, int] = {}
    for name in TopologicalSorter(needs).static_order():
        depths[name] = 1 + max((depths[each] for each in needs.get(name, ())), default=-1)
    return depths
