"""All choices of an application as one assignment problem, and its solutions as placements.

Groups with fixed clusters are placed first. All choices, and groups that depend on them, are
decided together: the same filters determine the candidates, and the same scores their value, both
before anything is chosen. Affinities, spread rules and capacity become constraints.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

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
from planners.placement.groups import PlacementGroup, depends_on_others, placement_groups
from planners.placement.place import (
    FilterResult,
    Placement,
    choose_best,
    place_fixed,
    take_all,
)
from planners.placement.rank import ClusterScore, score_cluster
from planners.placement.select import Selection
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
    filtered: FilterResult
    scores: dict[str, ClusterScore]
    assigned: frozenset[str]
    must_place: bool

    @property
    def choice(self) -> Choice:
        """The choice for the solver; clusters assigned already are chosen and count."""
        name = self.group.component.name
        if self.group.count is None:
            return Choice(name, self.index, dict.fromkeys(self.scores, 0), int(self.must_place))
        selected, count = self.filtered.selected_count, self.group.count
        candidates = {
            cluster: round(score.total * HUNDREDTHS)
            for cluster, score in self.scores.items()
            if cluster not in self.assigned
        }
        minimum = max(count.minimum_of(selected), int(self.must_place)) - len(self.assigned)
        maximum = count.maximum_of(selected) - len(self.assigned)
        return Choice(name, self.index, candidates, max(0, minimum), max(0, maximum))

    @property
    def units(self) -> list[Unit]:
        """The component on each of the candidates."""
        return [Unit(self.group.component.name, cluster) for cluster in self.scores]

    def is_static(self, placement: Placement) -> bool:
        """Whether the placement of other components did not change the scores of this choice."""
        component = self.group.component.name
        decided = {name: placement.decisions.get(Unit(component, name)) for name in self.scores}
        return self.group.count is not None and all(
            decision is None or decision.total is None or decision.total == self.scores[name].total
            for name, decision in decided.items()
        )

    def clusters(self, chosen: frozenset[Assignment]) -> list[str]:
        """The clusters that a solution gives the group, sorted."""
        own = {assignment.cluster for assignment in chosen if assignment.group == self.index}
        return sorted(own | self.assigned)


@dataclass(frozen=True, slots=True, order=True)
class _AffinityKey:
    """Identifies an affinity rule of a component, so that equal rules count once."""

    component: str
    other: str
    topology_key: str | None
    apart: bool


@dataclass(frozen=True, slots=True)
class JointProblem:
    """The assignment problem of all `options`; `placement` has the fixed groups alone."""

    placement: Placement
    groups: Sequence[PlacementGroup]
    options: Sequence[Option]
    problem: AssignmentProblem

    @classmethod
    def of(cls, sequential: Placement) -> "JointProblem":
        """The problem of the application that was placed one group after the other."""
        allocation = Allocation(sequential.allocation.snapshot, sequential.allocation.workloads)
        placement = place_fixed(allocation, sequential.evaluator)
        groups = placement_groups(allocation.snapshot)
        options = [
            _option(placement, groups, index)
            for index, group in enumerate(groups)
            if depends_on_others(group)
        ]
        return cls(placement, groups, options, _problem(allocation, groups, options))

    def apply(self, chosen: frozenset[Assignment]) -> Placement:
        """The verified placement of a solution; at most one can be applied."""
        for option in self.options:
            for name in option.clusters(chosen):
                self.placement.assign(option.filtered.request, name)
        for option in self.options:
            self._decide(option, option.clusters(chosen))
        verify(self.placement, self.groups)
        return self.placement

    def _decide(self, option: Option, clusters: list[str]) -> None:
        """Record the decisions about one group, which depend on all assignments."""
        if option.group.count is not None:
            selection = Selection(option.scores, clusters)
            choose_best(self.placement, option.index, option.group, option.filtered, selection)
        else:
            request = option.group.request(self.placement.allocation)
            filtered = self.placement.apply_filters(request)
            take_all(self.placement, option.index, option.group, filtered)

    def assignments(self, placement: Placement) -> frozenset[Assignment]:
        """Another placement as a solution candidate of the same problem."""
        return frozenset(
            Assignment(option.group.component.name, option.index, name)
            for option in self.options
            for name in placement.assignments.get(option.index, ())
            if name not in option.assigned or option.group.count is None
        )


def _option(placement: Placement, groups: Sequence[PlacementGroup], index: int) -> Option:
    allocation, group = placement.allocation, groups[index]
    filtered = placement.apply_filters(group.request(allocation, jointly=True))
    clusters, evaluators = placement.clusters, placement.evaluator.scores
    names = [each.unit.cluster for each in filtered.admitted]
    scores = {name: score_cluster(filtered.request, clusters[name], evaluators) for name in names}
    assigned = allocation.clusters_of.get(group.component.name, set()) & scores.keys()
    only_group = sum(each.component == group.component for each in groups) == 1
    return Option(
        index, group, filtered, scores, frozenset(assigned), must_place=only_group and not assigned
    )


def _problem(
    allocation: Allocation, groups: Iterable[PlacementGroup], options: Sequence[Option]
) -> AssignmentProblem:
    requests: dict[Unit, dict[str, int]] = {}
    spreads: dict[tuple[str, str, int, int], SpreadConstraint] = {}
    pairs: dict[_AffinityKey, AffinityConstraint] = {}
    for option in options:
        name, intent = option.group.component.name, option.group.intent
        for unit in option.units:
            if unit.cluster not in option.assigned:
                requests[unit] = dict(option.filtered.request.requests.get(unit.cluster, {}))
        for rule in intent.spread if option.group.count is not None else ():
            key = (name, rule.topology_key, rule.max_skew, rule.min_domains)
            domains = _domains(allocation, rule.topology_key)
            spreads[key] = SpreadConstraint(name, domains, rule.max_skew, rule.min_domains)
    for group in groups:
        pairs |= dict(_affinities(allocation, group))
    fixed = frozenset(
        Unit(name, cluster)
        for name, clusters in allocation.clusters_of.items()
        for cluster in clusters
    )
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
            Unit(option.group.component.name, name): score.load
            for option in options
            for name, score in option.scores.items()
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
    return {name: labels[key] for name, labels in allocation.labels.items() if key in labels}


def _free(
    allocation: Allocation, requests: dict[Unit, dict[str, int]]
) -> dict[str, dict[str, int]]:
    """The resources free for choices on each cluster; unknown ones have no limit.

    If the running units alone exceed a resource, they stay: their requests are removed from
    `requests`, and nothing is free for others.
    """
    clusters = {each.name: each for each in allocation.snapshot.clusters}
    free: dict[str, dict[str, int]] = {}
    for name in {unit.cluster for unit in requests}:
        units = [unit for unit in requests if unit.cluster == name]
        for resource in {each for unit in units for each in requests[unit]}:
            known = allocation.free(clusters[name], resource)
            if known is None:
                continue
            running = [
                unit
                for unit in units
                if allocation.keeps(unit, resource, requests[unit].get(resource, 0))
            ]
            available = max(known.value, 0)
            if sum(requests[unit].get(resource, 0) for unit in running) > available:
                available = 0
                for unit in running:
                    requests[unit].pop(resource, None)
            free.setdefault(name, {})[resource] = available
    return free
