"""Placing all components of one application at once: the problem, its judge, and a greedy answer.

Plain values and exact integers. `planners/optimizer/milp.py` looks for the best answer; `check` and
`objective` here are what every answer is held against, whoever found it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from planners.model import Unit


@dataclass(frozen=True, slots=True, order=True)
class Assignment:
    """One cluster, chosen for one group of a component."""

    component: str
    group: int
    cluster: str

    @property
    def unit(self) -> Unit:
        """What stands there; seats of two groups on one cluster are one unit."""
        return Unit(self.component, self.cluster)


@dataclass(frozen=True, slots=True)
class Choice:
    """Between `least` and `most` of the candidates are chosen (`most` None: as many as there are).

    `candidates` maps a cluster to its points in hundredths. `group` tells several choices of one
    component apart: each chooses for itself, and a cluster chosen by two of them, or by one and by
    `AssignmentProblem.fixed`, is needed, and paid for, once.
    """

    component: str
    group: int
    candidates: Mapping[str, int]
    least: int
    most: int | None = None

    @property
    def limit(self) -> int:
        """The most clusters that can be chosen."""
        return len(self.candidates) if self.most is None else min(self.most, len(self.candidates))

    @property
    def assignments(self) -> list[Assignment]:
        """The candidates, best points first, then by name."""
        ranked = sorted(self.candidates, key=lambda name: (-self.candidates[name], name))
        return [Assignment(self.component, self.group, name) for name in ranked]


@dataclass(frozen=True, slots=True)
class SpreadConstraint:
    """How evenly a component stands over domains, as Kubernetes' topologySpreadConstraints mean it.

    `domains` maps a cluster to its domain (`eu-1` to `eu`). Over all domains that hold a candidate
    or a fixed unit of the component, the greatest and the smallest count differ by `max_skew` at
    most (None: by any number). A component that is placed at all uses at least `min_domains`
    domains. A cluster without a domain is not counted, and is not chosen.
    """

    component: str
    domains: Mapping[str, str]
    max_skew: int | None = None
    min_domains: int = 0


@dataclass(frozen=True, slots=True)
class AffinityConstraint:
    """Two components that belong together, or apart, within a domain.

    `domains` maps a cluster to its domain; None: each cluster is one. A cluster without a domain
    is with nothing: `component` is not placed there for `together`, and free to be for `apart`.
    """

    component: str
    other: str
    domains: Mapping[str, str] | None = None

    def domain(self, cluster: str) -> str | None:
        """The domain of a cluster."""
        return cluster if self.domains is None else self.domains.get(cluster)


@dataclass(frozen=True, slots=True)
class AssignmentProblem:
    """What is to be placed, and within which limits.

    `demands` and `free` are integers of any one scale per resource (nano-units: one CPU is 10**9).
    What `free` does not name is not limited. `fixed` units stand already, and demand. Each pair of
    `together` allows `component` only in domains where `other` is; each of `apart` allows it only
    where `other` is not (a component apart from itself: at most one in each domain).
    """

    choices: tuple[Choice, ...]
    fixed: frozenset[Unit] = frozenset()
    demands: Mapping[Unit, Mapping[str, int]] = field(default_factory=dict)
    free: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    spreads: tuple[SpreadConstraint, ...] = ()
    together: tuple[AffinityConstraint, ...] = ()
    apart: tuple[AffinityConstraint, ...] = ()

    def __post_init__(self) -> None:
        groups = Counter((choice.component, choice.group) for choice in self.choices)
        twice = sorted(key for key, count in groups.items() if count > 1)
        if twice:
            component, group = twice[0]
            raise ValueError(f"{component} has two choices with the group {group}")

    def units(self, chosen: Iterable[Assignment]) -> frozenset[Unit]:
        """Everything that stands: what is fixed, and what is chosen."""
        return self.fixed | {assignment.unit for assignment in chosen}

    def domains(self, spread: SpreadConstraint) -> list[str]:
        """The domains a spread is counted over, sorted."""
        names = {unit.cluster for unit in self.fixed if unit.component == spread.component}
        for choice in self.choices:
            if choice.component == spread.component:
                names.update(choice.candidates)
        return sorted({spread.domains[name] for name in names if name in spread.domains})


@dataclass(frozen=True, slots=True)
class Solution:
    """Where everything goes.

    `points` is the sum over `chosen`, in hundredths; no answer with as many seats has more than
    `bound`. `proven`: no answer has more seats, or as many and more points. `settled`: ties were
    decided to the end; otherwise another version of the solver may choose among equals otherwise.
    """

    chosen: frozenset[Assignment]
    points: int
    bound: int
    proven: bool
    settled: bool


@dataclass(frozen=True, slots=True)
class Infeasible:
    """No placement obeys all rules (`proven`), or none was found within the limit of work."""

    reason: str
    proven: bool


def points(problem: AssignmentProblem, chosen: Collection[Assignment]) -> int:
    """The sum of the points of all seats, in hundredths."""
    given = {(choice.component, choice.group): choice.candidates for choice in problem.choices}
    return sum(
        given[assignment.component, assignment.group][assignment.cluster] for assignment in chosen
    )


def objective(problem: AssignmentProblem, chosen: Collection[Assignment]) -> tuple[int, int]:
    """What makes one answer better than another: first the number of seats, then the points."""
    return len(chosen), points(problem, chosen)


def check(problem: AssignmentProblem, chosen: Collection[Assignment]) -> tuple[str, ...]:
    """Every rule the answer breaks, as sentences; empty when it obeys all of them."""
    units = problem.units(chosen)
    return (
        *_check_choices(problem, chosen),
        *_check_capacity(problem, units),
        *(text for spread in problem.spreads for text in _check_spread(problem, spread, units)),
        *(text for pair in problem.together for text in _check_together(pair, units)),
        *(text for pair in problem.apart for text in _check_apart(pair, units)),
    )


def _check_choices(problem: AssignmentProblem, chosen: Collection[Assignment]) -> list[str]:
    groups = {(choice.component, choice.group): choice for choice in problem.choices}
    counts = Counter((assignment.component, assignment.group) for assignment in chosen)
    found = [
        f"{assignment.component} is on {assignment.cluster}, "
        f"which is no candidate of its group {assignment.group}"
        for assignment in sorted(chosen)
        if (assignment.component, assignment.group) not in groups
        or assignment.cluster not in groups[assignment.component, assignment.group].candidates
    ]
    for key, choice in sorted(groups.items()):
        if not choice.least <= counts[key] <= choice.limit:
            found.append(
                f"{choice.component} has {counts[key]} clusters in its group {choice.group}, "
                f"which takes {choice.least} to {choice.limit}"
            )
    return found


def _check_capacity(problem: AssignmentProblem, units: Collection[Unit]) -> list[str]:
    used: Counter[tuple[str, str]] = Counter()
    for unit in units:
        for resource, amount in problem.demands.get(unit, {}).items():
            used[unit.cluster, resource] += amount
    return [
        f"{cluster} has {free} of {resource} free, and {used[cluster, resource]} would be used"
        for cluster, amounts in sorted(problem.free.items())
        for resource, free in sorted(amounts.items())
        if used[cluster, resource] > max(free, 0)
    ]


def _check_spread(
    problem: AssignmentProblem, spread: SpreadConstraint, units: Collection[Unit]
) -> list[str]:
    clusters = sorted(unit.cluster for unit in units if unit.component == spread.component)
    fixed = {unit.cluster for unit in problem.fixed if unit.component == spread.component}
    found = [
        f"{spread.component} is on {cluster}, which has no domain to spread over"
        for cluster in clusters
        if cluster not in spread.domains and cluster not in fixed
    ]
    domains = problem.domains(spread)
    counts = Counter(dict.fromkeys(domains, 0))
    counts.update(spread.domains[cluster] for cluster in clusters if cluster in spread.domains)
    if spread.max_skew is not None and domains:
        skew = max(counts.values()) - min(counts.values())
        if skew > spread.max_skew:
            found.append(f"{spread.component} has a skew of {skew}, above {spread.max_skew}")
    used = sum(1 for count in counts.values() if count)
    if clusters and used < spread.min_domains:
        found.append(f"{spread.component} uses {used} of at least {spread.min_domains} domains")
    return found


def _check_together(pair: AffinityConstraint, units: Collection[Unit]) -> list[str]:
    near = {pair.domain(unit.cluster) for unit in units if unit.component == pair.other} - {None}
    return [
        f"{unit} stands without {pair.other}"
        for unit in sorted(units)
        if unit.component == pair.component and pair.domain(unit.cluster) not in near
    ]


def _check_apart(pair: AffinityConstraint, units: Collection[Unit]) -> list[str]:
    others = sorted(unit for unit in units if unit.component == pair.other)
    return [
        f"{unit} stands with {other}"
        for unit in sorted(units)
        if unit.component == pair.component and pair.domain(unit.cluster) is not None
        for other in others
        if pair.domain(unit.cluster) == pair.domain(other.cluster)
        and (pair.component != pair.other or unit < other)
        and (unit != other)
    ]
