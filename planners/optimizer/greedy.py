"""One component after the other, each on the best clusters left: the answer to be beaten.

Deterministic, and quick. `milp` starts from it; tests and measurements compare.
"""

from collections import Counter

from planners.model import Unit
from planners.optimizer.problem import Assignment, AssignmentProblem, check


def assign_greedily(problem: AssignmentProblem) -> frozenset[Assignment] | None:
    """Choices in the given order, each seat in turn on the best cluster that breaks no rule yet.

    Returns None where that ends with a rule broken; another order, or a solver, may still find an
    answer.
    """
    allocation = PartialAssignment(problem)
    for choice in problem.choices:
        assignments = choice.assignments
        for _ in range(choice.limit):
            best = next(
                (assignment for assignment in assignments if allocation.fits(assignment.unit)), None
            )
            if best is None:
                break
            allocation.add(best.unit)
            allocation.chosen.add(best)
            assignments.remove(best)
    chosen = frozenset(allocation.chosen)
    return None if check(problem, chosen) else chosen


class PartialAssignment:
    """What stands so far, and what it uses."""

    def __init__(self, problem: AssignmentProblem) -> None:
        self.problem = problem
        self.chosen: set[Assignment] = set()
        self.units: set[Unit] = set()
        self.used: Counter[tuple[str, str]] = Counter()
        self.counts = [
            Counter(dict.fromkeys(problem.domains(spread), 0)) for spread in problem.spreads
        ]
        for unit in sorted(problem.fixed):
            self.add(unit)

    def add(self, unit: Unit) -> None:
        """Let a unit stand."""
        if unit in self.units:
            return
        self.units.add(unit)
        for resource, amount in self.problem.demands.get(unit, {}).items():
            self.used[unit.cluster, resource] += amount
        for spread, counts in zip(self.problem.spreads, self.counts, strict=True):
            if unit.component == spread.component and unit.cluster in spread.domains:
                counts[spread.domains[unit.cluster]] += 1

    def fits(self, unit: Unit) -> bool:
        """Whether the unit stands already, or breaks no rule that later units could not mend."""
        return unit in self.units or (
            self.has_room(unit) and self._is_even(unit) and self._is_with(unit)
        )

    def has_room(self, unit: Unit) -> bool:
        """Whether its cluster has enough free for the unit."""
        free = self.problem.free.get(unit.cluster, {})
        return all(
            resource not in free
            or amount == 0
            or self.used[unit.cluster, resource] + amount <= free[resource]
            for resource, amount in self.problem.demands.get(unit, {}).items()
        )

    def _is_even(self, unit: Unit) -> bool:
        for spread, counts in zip(self.problem.spreads, self.counts, strict=True):
            if unit.component == spread.component:
                domain = spread.domains.get(unit.cluster)
                if domain is None:
                    return False
                if spread.max_skew is not None:
                    after = counts + Counter({domain: 1})
                    if after[domain] - min(after[each] for each in counts) > spread.max_skew:
                        return False
        return True

    def _is_with(self, unit: Unit) -> bool:
        for pair in self.problem.together:
            if unit.component == pair.component and not any(
                other.component == pair.other
                and pair.domain(other.cluster) == pair.domain(unit.cluster) is not None
                for other in {*self.units, unit}
            ):
                return False
        return not any(
            {unit.component, other.component} == {pair.component, pair.other}
            and (unit.component != other.component or pair.component == pair.other)
            and pair.domain(other.cluster) == pair.domain(unit.cluster) is not None
            for pair in self.problem.apart
            for other in self.units
        )
