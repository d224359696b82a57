"""All choices of an application as one assignment problem, and its solutions as placements.

Groups with fixed clusters are placed first. All choices, and groups that depend on them, are
decided together: the same filters determine the candidates, and the same scores their value, both
before anything is chosen. Affinities, spread rules and capacity become constraints.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planners.model import Unit
from planners.optimizer.problem import (
    AffinityConstraint,
    Assignment,
    AssignmentProblem,
    Choice,
    SpreadConstraint,
)
from planners.placement.affinity import required_affinities
from planners.placement.allocation import Allocation
from planners.placement.arrays import Mask
from planners.placement.groups import PlacementGroup, depends_on_others, placement_groups
from planners.placement.place import Placement, choose_best, place_fixed, take_all
from planners.placement.rank import FleetScore, score_fleet
from planners.placement.select import Selection
from planners.placement.trace import Chosen, Filtered
from planners.placement.verify import verify

HUNDREDTHS = 100


@dataclass(frozen=True, slots=True)
class Option:
    """A group that is decided together with others: the admitted clusters and their scores.

    `assigned` are clusters that the component has already. `must_place`: no other group gives the
    component a cluster, and it needs one.
    """

    index: int
    group: PlacementGroup
    filtered: Filtered
    score: FleetScore
    assigned: Mask
    must_place: bool

    @property
    def admitted(self) -> Mask:
        """The clusters that the filters admit."""
        return self.filtered.result.admitted

    @property
    def candidates(self) -> dict[str, int]:
        """The position of each admitted cluster, by name."""
        names = self.filtered.result.request.columns.names
        return {names[at]: at for at in np.flatnonzero(self.admitted).tolist()}

    @property
    def minimum(self) -> int:
        """How many more clusters the component needs."""
        count = self.group.count
        if count is None:
            return int(self.must_place)
        minimum = count.minimum_of(self.filtered.result.selected_count)
        return max(0, max(minimum, int(self.must_place)) - int(np.count_nonzero(self.assigned)))

    @property
    def maximum(self) -> int | None:
        """How many more clusters the component can have; None: all of them."""
        if self.group.count is None:
            return None
        maximum = self.group.count.maximum_of(self.filtered.result.selected_count)
        return max(0, maximum - int(np.count_nonzero(self.assigned)))

    @property
    def choice(self) -> Choice:
        """The choice for the solver; clusters assigned already are chosen and count."""
        name, totals = self.group.component.name, self.score.totals
        if self.group.count is None:
            candidates = dict.fromkeys(self.candidates, 0)
        else:
            candidates = {
                cluster: round(float(totals[at]) * HUNDREDTHS)
                for cluster, at in self.candidates.items()
                if not self.assigned[at]
            }
        return Choice(name, self.index, candidates, self.minimum, self.maximum)

    def is_saturated(self, chosen: Sequence[int]) -> bool:
        """Whether the choice cannot get better: it has as many clusters as it takes, the best."""
        open_ = self.admitted & ~self.assigned
        taken = [at for at in chosen if not self.assigned[at]]
        left = open_.copy()
        left[taken] = False
        if len(taken) < min(self.maximum or 0, int(np.count_nonzero(open_))):
            return False
        totals = self.score.totals
        return not taken or not left.any() or bool(totals[taken].min() >= totals[left].max())

    def is_static(self, placement: Placement) -> bool:
        """Whether the placement of other components did not change the scores of this choice."""
        if self.group.count is None:
            return False
        steps = [each for each in placement.steps if each.component == self.component]
        if sum(not isinstance(each, Filtered) for each in steps) == 1:
            chosen = placement.choices[self.index]
            both = self.admitted & chosen.candidates
            return np.array_equal(chosen.score.totals[both], self.score.totals[both])
        totals = {each.unit.cluster: each.total for each in placement.trace_of(self.component)}
        return all(
            totals.get(name) in (None, float(self.score.totals[at]))
            for name, at in self.candidates.items()
        )

    @property
    def component(self) -> str:
        """The name of the component."""
        return self.group.component.name

    def clusters(self, chosen: frozenset[Assignment]) -> list[int]:
        """The clusters that a solution gives the group, by name."""
        position = self.filtered.result.request.columns.position
        own = {position[each.cluster] for each in chosen if each.group == self.index}
        return sorted(own.union(np.flatnonzero(self.assigned).tolist()))


@dataclass(frozen=True, slots=True, order=True)
class _AffinityKey:
    """Identifies an affinity rule of a component, so that equal rules count once."""

    component: str
    other: str
    topology_key: str | None
    apart: bool


@dataclass(frozen=True)
class JointProblem:
    """The assignment problem of all `options`; `placement` has the fixed groups alone."""

    placement: Placement
    groups: Sequence[PlacementGroup]
    options: Sequence[Option]

    @classmethod
    def of(cls, sequential: Placement) -> "JointProblem":
        """The problem of the application that was placed one group after the other."""
        allocation = sequential.allocation.anew()
        placement = place_fixed(allocation, sequential.evaluator)
        groups = placement_groups(allocation.snapshot)
        options = [
            _option(placement, groups, index)
            for index, group in enumerate(groups)
            if depends_on_others(group)
        ]
        return cls(placement, groups, options)

    @cached_property
    def problem(self) -> AssignmentProblem:
        """The problem for the solver."""
        return _problem(self.placement.allocation, self.groups, self.options)

    def apply(self, chosen: frozenset[Assignment]) -> Placement:
        """The verified placement of a solution; at most one can be applied."""
        for option in self.options:
            clusters = np.zeros(len(self.placement.columns), np.bool_)
            clusters[option.clusters(chosen)] = True
            self.placement.assign(option.filtered.result.request, clusters)
        for option in self.options:
            self._decide(option, option.clusters(chosen))
        verify(self.placement, self.groups)
        return self.placement

    def _decide(self, option: Option, clusters: list[int]) -> None:
        """Record the decisions about one group, which depend on all assignments."""
        placement, group = self.placement, option.group
        if group.count is not None:
            selection = Selection(option.admitted, option.score, clusters)
            mark = placement.allocation.mark
            choose_best(placement, option.index, Chosen(group, option.filtered, selection, mark))
        else:
            filtered = placement.apply_filters(group.request(placement.allocation))
            take_all(placement, option.index, group, filtered)

    def assignments(self, placement: Placement) -> frozenset[Assignment]:
        """Another placement as a solution candidate of the same problem."""
        names = placement.columns.names
        return frozenset(
            Assignment(option.component, option.index, names[at])
            for option in self.options
            for at in placement.assignments.get(option.index, ())
            if not option.assigned[at] or option.group.count is None
        )


def _option(placement: Placement, groups: Sequence[PlacementGroup], index: int) -> Option:
    allocation, group = placement.allocation, groups[index]
    filtered = placement.apply_filters(group.request(allocation, jointly=True))
    result = filtered.result
    score = score_fleet(result.request, placement.evaluator.scores)
    assigned = allocation.placed(group.component.name) & result.admitted
    only_group = sum(each.component == group.component for each in groups) == 1
    on_demand = group.component.name in placement.allocation.snapshot.application.on_demand
    must_place = only_group and not assigned.any() and not on_demand
    return Option(index, group, filtered, score, assigned, must_place=must_place)


def _problem(
    allocation: Allocation, groups: Iterable[PlacementGroup], options: Sequence[Option]
) -> AssignmentProblem:
    requests: dict[Unit, dict[str, int]] = {}
    spreads: dict[tuple[str, str, int, int], SpreadConstraint] = {}
    pairs: dict[_AffinityKey, AffinityConstraint] = {}
    for option in options:
        name, intent = option.group.component.name, option.group.intent
        table = option.filtered.result.request.requests
        for cluster, at in option.candidates.items():
            if not option.assigned[at]:
                requests[Unit(name, cluster)] = dict(table.distinct[table.codes[at]])
        for rule in intent.spread if option.group.count is not None else ():
            key = (name, rule.topology_key, rule.max_skew, rule.min_domains)
            domains = _domains(allocation, rule.topology_key)
            spreads[key] = SpreadConstraint(name, domains, rule.max_skew, rule.min_domains)
    for group in groups:
        pairs |= dict(_affinities(allocation, group))
    fixed = frozenset(allocation.units())
    free = _free(allocation, requests)
    return AssignmentProblem(
        choices=tuple(option.choice for option in options),
        fixed=fixed,
        requests=requests,
        free=free,
        spreads=tuple(spreads.values()),
        affinities=tuple(pair for key, pair in pairs.items() if not key.apart),
        anti_affinities=tuple(pair for key, pair in pairs.items() if key.apart),
        loads={
            Unit(option.component, name): int(option.score.loads[at])
            for option in options
            for name, at in option.candidates.items()
        },
    )


def _affinities(
    allocation: Allocation, group: PlacementGroup
) -> Iterator[tuple[_AffinityKey, AffinityConstraint]]:
    name = group.component.name
    choosing = group.count is not None
    for rule in required_affinities(group.component, group.intent, choosing=choosing):
        counts = rule.apart or depends_on_others(group)
        if counts and allocation.is_own(rule.application):
            domains = _domains(allocation, rule.topology_key) if rule.topology_key else None
            key = _AffinityKey(name, rule.component, rule.topology_key, rule.apart)
            yield key, AffinityConstraint(name, rule.component, domains)


def _domains(allocation: Allocation, key: str) -> dict[str, str]:
    clusters = allocation.columns.clusters
    return {each.name: each.labels[key] for each in clusters if key in each.labels}


def _free(
    allocation: Allocation, requests: dict[Unit, dict[str, int]]
) -> dict[str, dict[str, int]]:
    """The resources free for choices on each cluster; unknown ones have no limit.

    If the running units alone exceed a resource, they stay: their requests are removed from
    `requests`, and nothing is free for others.
    """
    columns, supply = allocation.columns, allocation.supply
    free: dict[str, dict[str, int]] = {}
    here: dict[str, list[Unit]] = {}
    for unit in requests:
        here.setdefault(unit.cluster, []).append(unit)
    for name, units in here.items():
        cluster = columns.clusters[columns.position[name]]
        for resource in {each for unit in units for each in requests[unit]}:
            known = allocation.free(cluster, resource)
            if known is None:
                continue
            running = [
                unit
                for unit in units
                if supply.merged(unit) is not None
                and allocation.keeps(unit, resource, requests[unit].get(resource, 0))
            ]
            available = max(known.value, 0)
            if sum(requests[unit].get(resource, 0) for unit in running) > available:
                available = 0
                for unit in running:
                    requests[unit].pop(resource, None)
            free.setdefault(name, {})[resource] = available
    return free
