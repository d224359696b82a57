"""Places all components of an application together, with a solver: `strategy: optimal`.

Groups with fixed clusters are placed first, as in the greedy strategy. All choices, and groups that
depend on them, become one assignment problem: the same filters determine the candidates, and the
same scores their value, both before anything is chosen. Affinities, spread rules and capacity
become constraints.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from planners.model import Unit
from planners.optimizer.milp import solve
from planners.optimizer.problem import (
    AffinityConstraint,
    Assignment,
    AssignmentProblem,
    Choice,
    Infeasible,
    Solution,
    SpreadConstraint,
    check,
    points,
)
from planners.optimizer.solver import Solver
from planners.placement.affinity import required_affinities
from planners.placement.allocation import Allocation
from planners.placement.groups import PlacementGroup, depends_on_others, placement_groups
from planners.placement.place import (
    FilterResult,
    Placement,
    check_placement,
    choose_best,
    decide_group,
    take_all,
)
from planners.placement.rank import ClusterScore, score_cluster
from planners.placement.select import Selection

HUNDREDTHS = 100


@dataclass(frozen=True, slots=True)
class OptimizationResult:
    """What the solver gained over the greedy strategy, in points (0 to 100 for each assignment).

    `gained_points` and `gained_clusters` are None if the greedy placement is not a solution of the
    same problem. The greedy strategy may solve an easier one: it ignores a zone that its own
    earlier choices filled when it spreads later components, while the solver leaves room there.
    `gap` is the distance to the upper bound in points; 0 means proven optimal.
    """

    gained_points: float | None
    gained_clusters: int | None
    gap: float

    def __str__(self) -> str:
        quality = f"within {self.gap:g} points of the optimum" if self.gap else "proven optimal"
        if self.gained_points is None or self.gained_clusters is None:
            return f"{quality}; the greedy strategy violates a rule"
        clusters = f" and {self.gained_clusters} clusters" if self.gained_clusters else ""
        return f"{quality}; {self.gained_points:g} points{clusters} above the greedy strategy"


@dataclass(frozen=True, slots=True)
class OptimizedPlacement:
    """A placement, with the gain if the solver found it; None if it is the greedy one."""

    placement: Placement
    result: OptimizationResult | None = None


@dataclass(frozen=True, slots=True)
class _Option:
    """A group that the solver decides: the admitted clusters and their scores.

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
        return [Unit(self.group.component.name, cluster) for cluster in self.scores]

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


def optimize(greedy: Placement, solver: Solver) -> OptimizedPlacement:
    """The best placement; the greedy one, with the reason as a problem, if there is none.

    Raises:
        SolverError: the solver's solution violates a rule.
    """
    allocation = Allocation(greedy.allocation.snapshot, greedy.allocation.workloads)
    placement = Placement(allocation, greedy.evaluator)
    groups = placement_groups(allocation.snapshot)
    for index, group in enumerate(groups):
        if not depends_on_others(group):
            decide_group(placement, index, group)
    options = [
        _option(placement, index, group)
        for index, group in enumerate(groups)
        if depends_on_others(group)
    ]
    if not options:
        return OptimizedPlacement(greedy)
    problem = _problem(allocation, options)
    solution = solve(problem, solver)
    if isinstance(solution, Infeasible):
        if greedy.problems:
            greedy.fail(options[0].group, solution.reason)
        return OptimizedPlacement(greedy)
    _apply(placement, options, solution.chosen)
    check_placement(placement, groups)
    return OptimizedPlacement(
        placement, _compare(problem, solution, _assignments(options, greedy.assignments))
    )


def _option(placement: Placement, index: int, group: PlacementGroup) -> _Option:
    allocation = placement.allocation
    filtered = placement.apply_filters(group.request(allocation, jointly=True))
    clusters, evaluators = placement.clusters, placement.evaluator.scores
    names = [each.unit.cluster for each in filtered.admitted]
    scores = {name: score_cluster(filtered.request, clusters[name], evaluators) for name in names}
    assigned = allocation.clusters_of.get(group.component.name, set()) & scores.keys()
    groups = placement_groups(allocation.snapshot)
    only_group = sum(each.component == group.component for each in groups) == 1
    return _Option(
        index, group, filtered, scores, frozenset(assigned), must_place=only_group and not assigned
    )


def _problem(allocation: Allocation, options: Iterable[_Option]) -> AssignmentProblem:
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
        pairs |= dict(_affinities(allocation, option.group))
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
    )


def _affinities(
    allocation: Allocation, group: PlacementGroup
) -> Iterator[tuple[_AffinityKey, AffinityConstraint]]:
    name = group.component.name
    choosing = group.count is not None
    for rule in required_affinities(group.component, group.intent, choosing=choosing):
        if allocation.is_own(rule.application):
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
            running = [unit for unit in units if unit in allocation.running]
            available = max(known.value, 0)
            if sum(requests[unit].get(resource, 0) for unit in running) > available:
                available = 0
                for unit in running:
                    requests[unit].pop(resource, None)
            free.setdefault(name, {})[resource] = available
    return free


def _apply(placement: Placement, options: Iterable[_Option], chosen: frozenset[Assignment]) -> None:
    """Apply a solution: first all assignments, then the decisions, which depend on all of them."""
    for option in options:
        for name in option.clusters(chosen):
            placement.assign(option.filtered.request, name)
    for option in options:
        if option.group.count is not None:
            selection = Selection(option.scores, option.clusters(chosen))
            choose_best(placement, option.index, option.group, option.filtered, selection)
        else:
            request = option.group.request(placement.allocation)
            take_all(placement, option.index, option.group, placement.apply_filters(request))


def _assignments(
    options: Iterable[_Option], assignments: Mapping[int, tuple[str, ...]]
) -> frozenset[Assignment]:
    """The greedy placement as a solution candidate of the same problem."""
    return frozenset(
        Assignment(option.group.component.name, option.index, name)
        for option in options
        for name in assignments.get(option.index, ())
        if name not in option.assigned or option.group.count is None
    )


def _compare(
    problem: AssignmentProblem, solution: Solution, greedy: frozenset[Assignment]
) -> OptimizationResult:
    gap = (solution.bound - solution.points) / HUNDREDTHS
    candidates = {(choice.component, choice.group): choice.candidates for choice in problem.choices}
    foreign = any(a.cluster not in candidates.get((a.component, a.group), {}) for a in greedy)
    if foreign or check(problem, greedy):
        return OptimizationResult(None, None, gap)
    gained = (solution.points - points(problem, greedy)) / HUNDREDTHS
    return OptimizationResult(gained, len(solution.chosen) - len(greedy), gap)
