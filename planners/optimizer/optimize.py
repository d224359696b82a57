"""Places all components of an application at once, by a solver: `strategy: optimal`.

What must be on every selected cluster is placed first, as ever. All choices, and what follows them,
become one problem for `optimal`: the same filters decide who is a candidate, and the same scores
what that is worth, as they are before anything is chosen. Affinities, spread and room become the
problem's rules.
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
)
from planners.optimizer.problem import points as points_of
from planners.optimizer.solver import Solver
from planners.placement.affinity import required
from planners.placement.allocation import Allocation
from planners.placement.groups import PlacementGroup, depends_on_others, placement_groups
from planners.placement.place import (
    FilterResult,
    Placement,
    choose_best,
    decide_group,
    finish,
    take_all,
)
from planners.placement.rank import ClusterScore, score_cluster
from planners.placement.select import Selection

HUNDREDTHS = 100


@dataclass(frozen=True, slots=True)
class OptimizationResult:
    """What the solver's answer is worth, in points of the scores (0 to 100 for each assignment).

    `gained` is how many more it has than one component after the other, with `assignments` more
    clusters; both None where that found no answer to the same problem. It may find one to an
    easier problem: a zone that its own earlier choices filled no longer counts for the spread of
    later ones, where the solver leaves such zones the room they need. No answer has more than `gap`
    points beyond it.
    """

    gained: float | None
    assignments: int | None
    gap: float

    def __str__(self) -> str:
        best = "the best there is" if not self.gap else f"at most {self.gap:g} from the best"
        if self.gained is None or self.assignments is None:
            return f"{best}, where one component after the other keeps not every rule"
        more = f" and {self.assignments} more clusters" if self.assignments else ""
        return f"{best}, {self.gained:g} points{more} more than one component after the other"


@dataclass(frozen=True, slots=True)
class _Option:
    """A group that the solver decides: who is admitted, and what each is worth.

    `alone`: nothing else gives the component a cluster, and it must have one.
    """

    index: int
    group: PlacementGroup
    admission: FilterResult
    ranked: dict[str, ClusterScore]
    had: frozenset[str]
    alone: bool

    @property
    def choice(self) -> Choice:
        """The same for the solver; clusters that the component has already count, and are taken."""
        name = self.group.component.name
        if self.group.count is None:
            return Choice(name, self.index, dict.fromkeys(self.ranked, 0), int(self.alone))
        admission = self.admission
        least, most = self.group.count.of(len(admission.missed) + len(admission.admitted))
        points = {
            each: round(found.total * HUNDREDTHS)
            for each, found in self.ranked.items()
            if each not in self.had
        }
        there = len(self.had)
        least = max(least, int(self.alone))
        return Choice(name, self.index, points, max(0, least - there), max(0, most - there))

    @property
    def units(self) -> list[Unit]:
        return [Unit(self.group.component.name, name) for name in self.ranked]


def optimize(greedy: Placement, solver: Solver) -> tuple[Placement, OptimizationResult | None]:
    """The best placement, and what it gained; the greedy one, with the reason, where there is none.

    Raises:
        SolverError: the solver's answer breaks a rule.
    """
    placement = Placement(
        Allocation(greedy.allocation.snapshot, greedy.allocation.workloads), greedy.judge
    )
    groups = placement_groups(placement.allocation.snapshot)
    for index, group in enumerate(groups):
        if not depends_on_others(group):
            decide_group(placement, index, group)
    options = [
        _option(placement, i, group) for i, group in enumerate(groups) if depends_on_others(group)
    ]
    if not options:
        return greedy, None
    problem = _problem(placement.allocation, options)
    answer = solve(problem, solver)
    if isinstance(answer, Infeasible):
        if greedy.problems:
            greedy.problems.append((options[0].group, answer.reason))
        return greedy, None
    _take(placement, options, answer.chosen)
    finish(placement, groups)
    return placement, _worth(problem, answer, _seats(options, greedy.assignments))


def _option(placement: Placement, index: int, group: PlacementGroup) -> _Option:
    allocation = placement.allocation
    admission = placement.ask(group.request(allocation, jointly=True))
    clusters, scores = placement.clusters, placement.judge.scores
    names = [each.unit.cluster for each in admission.admitted]
    ranked = {name: score_cluster(admission.request, clusters[name], scores) for name in names}
    had = frozenset(allocation.sites.get(group.component.name, ())) & ranked.keys()
    groups = placement_groups(allocation.snapshot)
    alone = not had and sum(each.component == group.component for each in groups) == 1
    return _Option(index, group, admission, ranked, had, alone)


def _problem(allocation: Allocation, options: Iterable[_Option]) -> AssignmentProblem:
    demands: dict[Unit, dict[str, int]] = {}
    spreads: dict[tuple[str, str, int, int], SpreadConstraint] = {}
    pairs: dict[tuple[str, str, str | None, bool], AffinityConstraint] = {}
    for option in options:
        name, intent = option.group.component.name, option.group.intent
        for unit in option.units:
            if unit.cluster not in option.had:
                demands[unit] = dict(option.admission.request.requests.get(unit.cluster, {}))
        for rule in intent.spread if option.group.count is not None else ():
            key = (name, rule.topology_key, rule.max_skew, rule.min_domains)
            domains = _domains(allocation, rule.topology_key)
            spreads[key] = SpreadConstraint(name, domains, rule.max_skew, rule.min_domains)
        pairs |= dict(_pairs(allocation, option.group))
    fixed = frozenset(
        Unit(name, each) for name, sites in allocation.sites.items() for each in sites
    )
    free = _free(allocation, demands)
    return AssignmentProblem(
        choices=tuple(option.choice for option in options),
        fixed=fixed,
        demands=demands,
        free=free,
        spreads=tuple(spreads.values()),
        together=tuple(pair for key, pair in pairs.items() if not key[3]),
        apart=tuple(pair for key, pair in pairs.items() if key[3]),
    )


def _pairs(
    allocation: Allocation, group: PlacementGroup
) -> Iterator[tuple[tuple[str, str, str | None, bool], AffinityConstraint]]:
    name = group.component.name
    for rule in required(group.component, group.intent, choosing=group.count is not None):
        if allocation.own(rule.application):
            domains = _domains(allocation, rule.topology_key) if rule.topology_key else None
            pair = AffinityConstraint(name, rule.component, domains)
            yield (name, rule.component, rule.topology_key, rule.apart), pair


def _domains(allocation: Allocation, key: str) -> dict[str, str]:
    return {name: labels[key] for name, labels in allocation.labels.items() if key in labels}


def _free(allocation: Allocation, demands: dict[Unit, dict[str, int]]) -> dict[str, dict[str, int]]:
    """What is free for choices on each cluster, by resource; what nobody knows has no limit.

    Where not even what runs there fits, it stays and demands nothing, and nothing else comes.
    """
    clusters = {each.name: each for each in allocation.snapshot.clusters}
    free: dict[str, dict[str, int]] = {}
    for name in {unit.cluster for unit in demands}:
        here = [unit for unit in demands if unit.cluster == name]
        for resource in {each for unit in here for each in demands[unit]}:
            found = allocation.free(clusters[name], resource)
            if found is None:
                continue
            running = [unit for unit in here if unit in allocation.running]
            room = max(found.value, 0)
            if sum(demands[unit].get(resource, 0) for unit in running) > room:
                room = 0
                for unit in running:
                    demands[unit].pop(resource, None)
            free.setdefault(name, {})[resource] = room
    return free


def _take(placement: Placement, options: Iterable[_Option], chosen: frozenset[Assignment]) -> None:
    """Do as the solver says: seats first, so that what is not chosen is judged by the whole."""
    for option in options:
        for name in _seated(option, chosen):
            placement.take(option.admission.request, name)
    for option in options:
        if option.group.count is not None:
            picking = Selection(option.ranked, _seated(option, chosen))
            choose_best(placement, option.index, option.group, option.admission, picking)
        else:
            request = option.group.request(placement.allocation)
            take_all(placement, option.index, option.group, placement.ask(request))


def _seated(option: _Option, chosen: frozenset[Assignment]) -> list[str]:
    mine = {assignment.cluster for assignment in chosen if assignment.group == option.index}
    return sorted(mine | option.had)


def _seats(
    options: Iterable[_Option], assignments: Mapping[int, tuple[str, ...]]
) -> frozenset[Assignment]:
    """What the greedy placement took, as an answer to the same problem."""
    return frozenset(
        Assignment(option.group.component.name, option.index, name)
        for option in options
        for name in assignments.get(option.index, ())
        if name not in option.had or option.group.count is None
    )


def _worth(
    problem: AssignmentProblem, answer: Solution, greedy: frozenset[Assignment]
) -> OptimizationResult:
    gap = (answer.bound - answer.points) / HUNDREDTHS
    known = {(choice.component, choice.group): choice.candidates for choice in problem.choices}
    strange = any(s.cluster not in known.get((s.component, s.group), {}) for s in greedy)
    if strange or check(problem, greedy):
        return OptimizationResult(None, None, gap)
    gained = (answer.points - points_of(problem, greedy)) / HUNDREDTHS
    return OptimizationResult(gained, len(answer.chosen) - len(greedy), gap)
