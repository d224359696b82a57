"""The state of a search: the assignments so far, which can be taken back, and what they use."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from planners.model import Unit
from planners.optimizer.problem import (
    AffinityConstraint,
    Assignment,
    AssignmentProblem,
    SpreadConstraint,
)


@dataclass(frozen=True, slots=True)
class MissingNeighbour:
    """An affinity that no unit satisfies in a domain yet."""

    pair: AffinityConstraint
    domain: str


@dataclass(frozen=True, slots=True)
class MissingDomain:
    """A spread rule that holds only after one of these domains has another unit."""

    spread: SpreadConstraint
    domains: frozenset[str]


class _Spread:
    """The units of one spread constraint in each domain."""

    def __init__(self, constraint: SpreadConstraint, domains: list[str]) -> None:
        self.constraint = constraint
        self.counts = Counter(dict.fromkeys(domains, 0))

    def missing(self, added: str | None = None) -> int:
        """How many units are missing at least, after one was added."""
        rule, counts = self.constraint, self.counts
        after = counts if added is None else counts + Counter({added: 1})
        lacking = 0
        if rule.max_skew is not None and counts:
            lowest = max(after.values(), default=0) - rule.max_skew
            lacking = sum(max(0, lowest - after[each]) for each in counts)
        used = sum(1 for each in after.values() if each > 0)
        return max(lacking, rule.min_domains - used if used else 0)

    def domains_needed(self) -> frozenset[str]:
        """The domains of which one needs another unit; empty if the rule holds."""
        rule, counts = self.constraint, self.counts
        used = {name for name, count in counts.items() if count}
        if rule.max_skew is not None and counts:
            lowest = max(counts.values()) - rule.max_skew
            lacking = frozenset(name for name, count in counts.items() if count < lowest)
            if lacking:
                return lacking
        if used and len(used) < rule.min_domains:
            return frozenset(counts.keys() - used) or frozenset({""})
        return frozenset()


class _Pair:
    """The units of one affinity or anti-affinity in each domain."""

    def __init__(self, constraint: AffinityConstraint) -> None:
        self.constraint = constraint
        self.components: Counter[str] = Counter()
        self.others: Counter[str] = Counter()

    def count(self, unit: Unit, change: int) -> None:
        domain = self.constraint.domain(unit.cluster)
        if domain is not None:
            if unit.component == self.constraint.component:
                self.components[domain] += change
            if unit.component == self.constraint.other:
                self.others[domain] += change

    def excludes(self, unit: Unit) -> bool:
        """As an anti-affinity: whether the unit, which is not assigned yet, would violate it."""
        domain, rule = self.constraint.domain(unit.cluster), self.constraint
        if domain is None:
            return False
        return (unit.component == rule.component and self.others[domain] > 0) or (
            unit.component == rule.other and self.components[domain] > 0
        )


class AssignmentState:
    """The assignments so far; `counts` holds the number of each choice.

    `ranked` are the candidates of each choice, best first; `choices_of` each component's choices.
    """

    def __init__(self, problem: AssignmentProblem) -> None:
        self.problem = problem
        self.chosen: set[Assignment] = set()
        self.counts = [0] * len(problem.choices)
        self.ranked = [choice.assignments for choice in problem.choices]
        self.choices_of: dict[str, tuple[int, ...]] = {}
        self._index: dict[tuple[str, int], int] = {}
        for index, choice in enumerate(problem.choices):
            known = self.choices_of.get(choice.component, ())
            self.choices_of[choice.component] = (*known, index)
            self._index[choice.component, choice.group] = index
        self._units: Counter[Unit] = Counter()
        self._used: Counter[tuple[str, str]] = Counter()
        self._spreads: dict[str, list[_Spread]] = {}
        for spread in problem.spreads:
            made = _Spread(spread, problem.domains(spread))
            self._spreads.setdefault(spread.component, []).append(made)
        self._near = [_Pair(each) for each in problem.affinities]
        self._apart = [_Pair(each) for each in problem.anti_affinities]
        for unit in sorted(problem.fixed):
            self._units[unit] += 1
            self._occupy(unit, 1)

    def index(self, assignment: Assignment) -> int:
        """The index of the assignment's choice."""
        return self._index[assignment.component, assignment.group]

    def add(self, assignment: Assignment) -> None:
        """Make an assignment."""
        self.chosen.add(assignment)
        self.counts[self.index(assignment)] += 1
        self._units[assignment.unit] += 1
        if self._units[assignment.unit] == 1:
            self._occupy(assignment.unit, 1)

    def remove(self, assignment: Assignment) -> None:
        """Take an assignment back."""
        self.chosen.remove(assignment)
        self.counts[self.index(assignment)] -= 1
        self._units[assignment.unit] -= 1
        if self._units[assignment.unit] == 0:
            self._occupy(assignment.unit, -1)

    def _occupy(self, unit: Unit, change: int) -> None:
        for resource, amount in self.problem.requests.get(unit, {}).items():
            self._used[unit.cluster, resource] += change * amount
        for spread in self._spreads.get(unit.component, ()):
            domain = spread.constraint.domains.get(unit.cluster)
            if domain is not None:
                spread.counts[domain] += change
        for pair in (*self._near, *self._apart):
            pair.count(unit, change)

    def open_slots(self, component: str) -> int:
        """How many more clusters the choices of a component can take."""
        choices = self.problem.choices
        return sum(choices[at].limit - self.counts[at] for at in self.choices_of.get(component, ()))

    def possible(self, assignment: Assignment) -> bool:
        """Whether the assignment violates no rule that later assignments cannot satisfy."""
        index, unit = self.index(assignment), assignment.unit
        if self.counts[index] >= self.problem.choices[index].limit or assignment in self.chosen:
            return False
        return self._units[unit] > 0 or (
            self._has_capacity(unit)
            and not any(pair.excludes(unit) for pair in self._apart)
            and self._has_domains(unit)
        )

    def _has_capacity(self, unit: Unit) -> bool:
        free = self.problem.free.get(unit.cluster, {})
        return all(
            resource not in free
            or amount == 0
            or self._used[unit.cluster, resource] + amount <= free[resource]
            for resource, amount in self.problem.requests.get(unit, {}).items()
        )

    def _has_domains(self, unit: Unit) -> bool:
        for pair in self._near:
            rule = pair.constraint
            if unit.component == rule.component and rule.domain(unit.cluster) is None:
                return False
        left = self.open_slots(unit.component) - 1
        for spread in self._spreads.get(unit.component, ()):
            domain = spread.constraint.domains.get(unit.cluster)
            if domain is None or spread.missing(domain) > left:
                return False
        return True

    def missing_neighbours(self) -> Iterator[MissingNeighbour]:
        """The affinities that are not satisfied yet."""
        for pair in self._near:
            if pair.constraint.component != pair.constraint.other:
                for domain, count in sorted(pair.components.items()):
                    if count and not pair.others[domain]:
                        yield MissingNeighbour(pair.constraint, domain)

    def missing_domains(self) -> Iterator[MissingDomain]:
        """The spread rules that do not hold yet."""
        for _, spreads in sorted(self._spreads.items()):
            for spread in spreads:
                domains = spread.domains_needed()
                if domains:
                    yield MissingDomain(spread.constraint, domains)

    @property
    def valid(self) -> bool:
        """Whether every affinity and spread rule holds."""
        missing = next(self.missing_neighbours(), None) or next(self.missing_domains(), None)
        return missing is None

    def try_add(self, assignment: Assignment) -> bool:
        """Make an assignment if every rule holds afterwards."""
        if not self.possible(assignment):
            return False
        self.add(assignment)
        if self.valid:
            return True
        self.remove(assignment)
        return False

    def fill(self) -> None:
        """Assign as many more clusters as possible, the best ones of each choice first."""
        before = -1
        while before < len(self.chosen):
            before = len(self.chosen)
            for ranked in self.ranked:
                for assignment in ranked:
                    self.try_add(assignment)
