"""The assignment problem of one application, and the exact check of its solutions.

Plain values and exact integers. `planners.optimizer.milp` searches for the best solution; `check`
and `objective` verify and compare solutions from any source.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from planners.model import Unit


@dataclass(frozen=True, slots=True, order=True)
class Assignment:
    """A cluster chosen for one group of a component."""

    component: str
    group: int
    cluster: str

    @property
    def unit(self) -> Unit:
        """The assigned unit; assignments of two groups to one cluster are the same unit."""
        return Unit(self.component, self.cluster)


@dataclass(frozen=True, slots=True)
class Choice:
    """Choose between `minimum` and `maximum` (None: all) of the candidates.

    `candidates` maps a cluster to its score in hundredths. `group` distinguishes several choices of
    one component. These are independent: a cluster that two of them choose, or that is also in
    `AssignmentProblem.fixed`, uses its resources once.
    """

    component: str
    group: int
    candidates: Mapping[str, int]
    minimum: int
    maximum: int | None = None

    @property
    def limit(self) -> int:
        """The largest number of clusters that can be chosen."""
        count = len(self.candidates)
        return count if self.maximum is None else min(self.maximum, count)

    @property
    def assignments(self) -> list[Assignment]:
        """The candidates by descending score, then by name."""
        ranked = sorted(self.candidates, key=lambda name: (-self.candidates[name], name))
        return [Assignment(self.component, self.group, name) for name in ranked]


@dataclass(frozen=True, slots=True)
class SpreadConstraint:
    """A topology spread of one component (Kubernetes: topologySpreadConstraints).

    `domains` maps a cluster to its domain (`eu-1` to `eu`). Over all domains with a candidate or a
    fixed unit of the component, the highest and the lowest count differ by at most `max_skew`
    (None: unlimited). If the component is placed at all, it uses at least `min_domains` domains. A
    cluster without a domain is not counted and not chosen.
    """

    component: str
    domains: Mapping[str, str]
    max_skew: int | None = None
    min_domains: int = 0


@dataclass(frozen=True, slots=True)
class AffinityConstraint:
    """Affinity or anti-affinity between two components within a domain.

    `domains` maps a cluster to its domain; None: each cluster is a domain. On a cluster without a
    domain an affinity is never satisfied, an anti-affinity always is.
    """

    component: str
    other: str
    domains: Mapping[str, str] | None = None

    def domain(self, cluster: str) -> str | None:
        """The domain of a cluster."""
        return cluster if self.domains is None else self.domains.get(cluster)


@dataclass(frozen=True, slots=True)
class AssignmentProblem:
    """The components to place, and the constraints.

    `requests` and `free` are integers in one scale per resource (nano-units: one CPU is 10**9).
    Resources that `free` does not list are unlimited. `fixed` units are assigned already and use
    their requests. Each of `affinities` allows `component` only in domains with `other`, each of
    `anti_affinities` only in domains without it (`component` equal to `other`: at most one unit in
    each domain). `loads` are the components on the cluster of a unit before any choice (absent: 0);
    among equal solutions those that spread the load are better.
    """

    choices: tuple[Choice, ...]
    fixed: frozenset[Unit] = frozenset()
    requests: Mapping[Unit, Mapping[str, int]] = field(default_factory=dict)
    free: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    spreads: tuple[SpreadConstraint, ...] = ()
    affinities: tuple[AffinityConstraint, ...] = ()
    anti_affinities: tuple[AffinityConstraint, ...] = ()
    loads: Mapping[Unit, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        groups = Counter((choice.component, choice.group) for choice in self.choices)
        duplicates = sorted(key for key, count in groups.items() if count > 1)
        if duplicates:
            component, group = duplicates[0]
            raise ValueError(f"{component} has two choices for group {group}")

    def units(self, chosen: Iterable[Assignment]) -> frozenset[Unit]:
        """All fixed and chosen units."""
        return self.fixed | {assignment.unit for assignment in chosen}

    def domains(self, spread: SpreadConstraint) -> list[str]:
        """The domains over which a spread counts, sorted."""
        names = {unit.cluster for unit in self.fixed if unit.component == spread.component}
        for choice in self.choices:
            if choice.component == spread.component:
                names.update(choice.candidates)
        return sorted({spread.domains[name] for name in names if name in spread.domains})


@dataclass(frozen=True, slots=True)
class Solution:
    """A valid solution.

    `points` is the total score in hundredths; `bound` is an upper bound for solutions with as many
    assignments. `proven`: no solution has more assignments, or as many and a higher score.
    `ties_resolved`: the solution is unique under the tie-breaking rules; otherwise another version
    of the solver may return an equivalent one.
    """

    chosen: frozenset[Assignment]
    points: int
    bound: int
    proven: bool
    ties_resolved: bool


@dataclass(frozen=True, slots=True)
class Infeasible:
    """No solution exists (`proven`), or none was found within the solver's limit."""

    reason: str
    proven: bool


def points(problem: AssignmentProblem, chosen: Collection[Assignment]) -> int:
    """The total score of the assignments, in hundredths."""
    scores = {(choice.component, choice.group): choice.candidates for choice in problem.choices}
    return sum(scores[each.component, each.group][each.cluster] for each in chosen)


def objective(problem: AssignmentProblem, chosen: Collection[Assignment]) -> tuple[int, int]:
    """The value to maximise: the number of assignments, then their total score."""
    return len(chosen), points(problem, chosen)


def check(problem: AssignmentProblem, chosen: Collection[Assignment]) -> tuple[str, ...]:
    """Every violated rule as a sentence; empty for a valid solution."""
    units = problem.units(chosen)
    return (
        *_check_choices(problem, chosen),
        *_check_capacity(problem, units),
        *(text for spread in problem.spreads for text in _check_spread(problem, spread, units)),
        *(text for pair in problem.affinities for text in _check_affinity(pair, units)),
        *(text for pair in problem.anti_affinities for text in _check_anti_affinity(pair, units)),
    )


def _check_choices(problem: AssignmentProblem, chosen: Collection[Assignment]) -> list[str]:
    groups = {(choice.component, choice.group): choice for choice in problem.choices}
    counts = Counter((assignment.component, assignment.group) for assignment in chosen)
    violations = [
        f"{assignment.component} is on {assignment.cluster}, "
        f"which is not a candidate of group {assignment.group}"
        for assignment in sorted(chosen)
        if (assignment.component, assignment.group) not in groups
        or assignment.cluster not in groups[assignment.component, assignment.group].candidates
    ]
    for key, choice in sorted(groups.items()):
        if not choice.minimum <= counts[key] <= choice.limit:
            violations.append(
                f"{choice.component} has {counts[key]} clusters in group {choice.group}, "
                f"which takes {choice.minimum} to {choice.limit}"
            )
    return violations


def _check_capacity(problem: AssignmentProblem, units: Collection[Unit]) -> list[str]:
    used: Counter[tuple[str, str]] = Counter()
    for unit in units:
        for resource, amount in problem.requests.get(unit, {}).items():
            used[unit.cluster, resource] += amount
    return [
        f"{cluster} has {free} of {resource} free, but {used[cluster, resource]} are requested"
        for cluster, amounts in sorted(problem.free.items())
        for resource, free in sorted(amounts.items())
        if used[cluster, resource] > max(free, 0)
    ]


def _check_spread(
    problem: AssignmentProblem, spread: SpreadConstraint, units: Collection[Unit]
) -> list[str]:
    clusters = sorted(unit.cluster for unit in units if unit.component == spread.component)
    fixed = {unit.cluster for unit in problem.fixed if unit.component == spread.component}
    violations = [
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
            violations.append(
                f"{spread.component} has a skew of {skew}; the maximum is {spread.max_skew}"
            )
    used = sum(1 for count in counts.values() if count)
    if clusters and used < spread.min_domains:
        violations.append(
            f"{spread.component} uses {used} of at least {spread.min_domains} domains"
        )
    return violations


def _check_affinity(pair: AffinityConstraint, units: Collection[Unit]) -> list[str]:
    near = {pair.domain(unit.cluster) for unit in units if unit.component == pair.other} - {None}
    return [
        f"{unit} is not placed with {pair.other}"
        for unit in sorted(units)
        if unit.component == pair.component and pair.domain(unit.cluster) not in near
    ]


def _check_anti_affinity(pair: AffinityConstraint, units: Collection[Unit]) -> list[str]:
    others = sorted(unit for unit in units if unit.component == pair.other)
    return [
        f"{unit} is placed with {other}"
        for unit in sorted(units)
        if unit.component == pair.component and pair.domain(unit.cluster) is not None
        for other in others
        if pair.domain(unit.cluster) == pair.domain(other.cluster)
        and (pair.component != pair.other or unit < other)
        and (unit != other)
    ]
