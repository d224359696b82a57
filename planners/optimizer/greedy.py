"""Greedy assignment, one component at a time: a fast and deterministic lower bound.

`milp` falls back to it, and measures solutions against it.
"""

from collections import Counter

from planners.model import Unit
from planners.optimizer.problem import Assignment, AssignmentProblem, check


def assign_greedily(problem: AssignmentProblem) -> frozenset[Assignment] | None:
    """Process choices in order; each takes the best clusters that violate no rule so far.

    Returns None if the result violates a rule. Another order, or a solver, may still find a
    solution.
    """
    partial = PartialAssignment(problem)
    for choice in problem.choices:
        candidates = choice.assignments
        for _ in range(choice.limit):
            best = next((each for each in candidates if partial.fits(each.unit)), None)
            if best is None:
                break
            partial.add(best.unit)
            partial.chosen.add(best)
            candidates.remove(best)
    chosen = frozenset(partial.chosen)
    return None if check(problem, chosen) else chosen


class PartialAssignment:
    """The units assigned so far, and the resources and domains they use."""

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
        """Assign a unit, unless it is already."""
        if unit in self.units:
            return
        self.units.add(unit)
        for resource, amount in self.problem.requests.get(unit, {}).items():
            self.used[unit.cluster, resource] += amount
        for spread, counts in zip(self.problem.spreads, self.counts, strict=True):
            if unit.component == spread.component and unit.cluster in spread.domains:
                counts[spread.domains[unit.cluster]] += 1

    def fits(self, unit: Unit) -> bool:
        """Whether the unit is assigned, or violates no rule that later units cannot satisfy."""
        return unit in self.units or (
            self.has_capacity(unit)
            and self._satisfies_spreads(unit)
            and self._satisfies_affinities(unit)
        )

    def has_capacity(self, unit: Unit) -> bool:
        """Whether its cluster has enough free resources for the unit."""
        free = self.problem.free.get(unit.cluster, {})
        return all(
            resource not in free
            or amount == 0
            or self.used[unit.cluster, resource] + amount <= free[resource]
            for resource, amount in self.problem.requests.get(unit, {}).items()
        )

    def _satisfies_spreads(self, unit: Unit) -> bool:
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

    def _satisfies_affinities(self, unit: Unit) -> bool:
        for pair in self.problem.affinities:
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
            for pair in self.problem.anti_affinities
            for other in self.units
        )
