"""Splits placement intents into groups, and sorts these into the order of placement."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

import numpy as np

from planners.model import (
    AnyOf,
    Application,
    ClusterCount,
    Component,
    ExceptionRule,
    PlacementIntent,
)
from planners.model.requests import ReplicaCounts
from planners.model.selectors import Selector
from planners.model.snapshot import Snapshot
from planners.placement.allocation import Allocation
from planners.placement.columns import Classes
from planners.placement.exceptions import in_force, replica_overrides
from planners.placement.filters import Request
from planners.placement.replicas import guaranteed_replicas
from planners.placement.request_table import RequestTable
from planners.placement.supply import Supply


@dataclass(frozen=True, slots=True)
class PlacementGroup:
    """One component and one entry of its intent: all selected clusters, or the best `count`.

    With an `exception`, the group is the clusters that the exception adds.
    """

    component: Component
    intent: PlacementIntent
    selectors: tuple[Selector, ...]
    count: ClusterCount | None
    exception: ExceptionRule | None = None

    def request(self, allocation: Allocation, *, jointly: bool = False) -> Request:
        """The request that filters and scores evaluate."""
        snapshot = allocation.snapshot
        return Request(
            component=self.component,
            selectors=self.selectors,
            tenant=snapshot.tenant,
            intent=self.intent,
            allocation=allocation,
            requests=self._requests(allocation.supply),
            choosing=self.count is not None,
            jointly=jointly,
        )

    def _requests(self, supply: Supply) -> RequestTable:
        """What the component requests on every cluster, with the replicas that it has at least."""
        replicas = guaranteed_replicas(self.intent.replicas)
        key = ("requests", self.component.name, frozenset(replicas.items()))
        return supply.columns.keep(key, lambda: self._table(supply, replicas))

    def _table(self, supply: Supply, replicas: ReplicaCounts) -> RequestTable:
        name, columns = self.component.name, supply.columns
        if not any(rule.replicas is not None for rule in in_force(supply.snapshot, name)):
            return supply.requests(name, (replicas,), np.zeros(len(columns), np.intp))
        changes = (replica_overrides(supply.snapshot, name, each) for each in columns.clusters)
        rows = Classes.of(frozenset({**replicas, **each}.items()) for each in changes)
        return supply.requests(name, [dict(each) for each in rows.distinct], rows.codes)

    def __str__(self) -> str:
        selected = " or ".join(str(selector) for selector in self.selectors)
        if self.exception is not None:
            return f"{selected}, added {self.exception}"
        if self.count is None:
            return f"allOf {selected}"
        return f"anyOf {selected}: {self.count}"


def placement_groups(snapshot: Snapshot) -> tuple[PlacementGroup, ...]:
    """All groups in the order of placement, independent of the order of the input.

    Groups with fixed clusters come before choices, because they cannot adapt. Among choices,
    components that others depend on or want to be near come first.
    """
    ranks = _ranks(snapshot.application)
    on_demand = snapshot.application.on_demand
    groups = [
        group
        for intent in snapshot.application.placements
        for name in intent.components
        if (component := snapshot.application.component(name)) is not None
        for group in _entries(component, intent, on_demand=name in on_demand)
    ] + list(_added(snapshot))
    return tuple(
        sorted(
            groups,
            key=lambda group: (
                depends_on_others(group),
                ranks[group.component.name],
                group.component.name,
                str(group),
                repr(group.intent),
            ),
        )
    )


def _entries(
    component: Component, intent: PlacementIntent, *, on_demand: bool
) -> Iterator[PlacementGroup]:
    last = (intent.any_of,) if intent.any_of is not None else ()
    for entry in (*intent.all_of, *last):
        if isinstance(entry, AnyOf):
            count = replace(entry.count, minimum=0) if on_demand else entry.count
            yield PlacementGroup(component, intent, entry.select, count)
        else:
            yield PlacementGroup(component, intent, (entry,), None)


def _added(snapshot: Snapshot) -> Iterator[PlacementGroup]:
    """The groups that exceptions add; all rules of the first intent but its selectors apply."""
    application = snapshot.application
    for component in application.components:
        intents = [each for each in application.placements if component.name in each.components]
        for rule in in_force(snapshot, component.name) if intents else ():
            if rule.add:
                added = Selector(names=rule.add)
                intent = replace(
                    intents[0],
                    all_of=(added,),
                    any_of=None,
                    excluded=None,
                    spread=(),
                    position=rule.position,
                )
                yield PlacementGroup(component, intent, (added,), None, rule)


def depends_on_others(group: PlacementGroup) -> bool:
    """Whether earlier placements influence it: a choice, or an allOf with required affinities."""
    follows = any(rule.required for rule in group.intent.affinity)
    return group.count is not None or follows


def _ranks(application: Application) -> dict[str, int]:
    """Each component's depth in the graph of dependencies and affinities.

    Those that stay apart come after what they stay apart from. Rules that form a cycle are ignored:
    first those of apart, then all affinities.
    """
    dependencies = {
        part.name: {each.component for each in part.depends_on if each.application is None}
        for part in application.components
    }
    for apart in ((False, True), (False,)):
        graph = {name: set(below) for name, below in dependencies.items()}
        for intent in application.placements:
            for name in intent.components:
                for rule in intent.affinity:
                    followed = rule.required and rule.application is None and rule.apart in apart
                    if followed and rule.component != name:
                        graph.setdefault(name, set()).add(rule.component)
        with suppress(CycleError):
            return _depths(graph)
    return _depths(dependencies)


def _depths(graph: dict[str, set[str]]) -> dict[str, int]:
    depths: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        depths[name] = 1 + max((depths[each] for each in graph.get(name, ())), default=-1)
    return depths
