"""A placement problem written as a whole-number program, and its capacity kept exact.

Called by `optimal`. Solvers calculate with floats, so amounts are handed to them rounded down to
what floats hold well: that admits a little too much, never too little. `covers` finds what was
admitted wrongly, and forbids it exactly.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import gcd

from planners.model import Unit
from planners.optimizer.problem import (
    AffinityConstraint,
    Assignment,
    AssignmentProblem,
    SpreadConstraint,
)
from planners.optimizer.solver import LinearConstraint

_BITS = 22


@dataclass(frozen=True, slots=True)
class CapacityLimit:
    """The amounts of one resource that units on one cluster would use, and how much is free."""

    cluster: str
    amounts: Mapping[Unit, int]
    free: int

    def row(self, variables: Mapping[Unit, int]) -> LinearConstraint:
        """The limit for a solver: exact where the amounts share a divisor, else rounded down."""
        shared = gcd(*self.amounts.values())
        shift = max(0, (max(self.amounts.values()) // shared).bit_length() - _BITS)
        terms = {variables[unit]: (n // shared) >> shift for unit, n in self.amounts.items()}
        return LinearConstraint(terms, most=(self.free // shared) >> shift)

    def cover(
        self, units: Collection[Unit], variables: Mapping[Unit, int]
    ) -> LinearConstraint | None:
        """What forbids these units to stand together, or None if there is room for them.

        The smallest are left out while the rest is still too much; then every unit at least as
        large as the largest joins, for of these no more fit either (an extended cover inequality).
        """
        inside = sorted(
            (unit for unit in units if unit in self.amounts),
            key=lambda unit: (-self.amounts[unit], unit),
        )
        total = sum(self.amounts[unit] for unit in inside)
        if total <= self.free:
            return None
        while total - self.amounts[inside[-1]] > self.free:
            total -= self.amounts[inside.pop()]
        largest = self.amounts[inside[0]]
        wide = {*inside, *(unit for unit, n in self.amounts.items() if n >= largest)}
        return LinearConstraint({variables[unit]: 1 for unit in sorted(wide)}, most=len(inside) - 1)


class ProgramModel:
    """A problem as a whole-number program: one variable per seat, and what the rules need more."""

    def __init__(self, problem: AssignmentProblem) -> None:
        self.problem = problem
        self.bounds: list[tuple[int, int]] = []
        self.rows: list[LinearConstraint] = []
        self.assignments: dict[Assignment, int] = {}
        self.units: dict[Unit, int] = {}
        self.limits: list[CapacityLimit] = []
        self._take_seats()
        self._take_capacity()
        for spread in problem.spreads:
            self._take_spread(spread)
        for pair in problem.together:
            self._take_together(pair)
        for pair in problem.apart:
            self._take_apart(pair)

    def _variable(self, least: int, most: int) -> int:
        self.bounds.append((least, most))
        return len(self.bounds) - 1

    def _row(
        self, terms: Mapping[int, int], least: int | None = None, most: int | None = None
    ) -> None:
        self.rows.append(LinearConstraint(terms, least, most))

    def _take_seats(self) -> None:
        by_unit: dict[Unit, list[int]] = {}
        for choice in self.problem.choices:
            for assignment in sorted(choice.assignments):
                self.assignments[assignment] = self._variable(0, 1)
                by_unit.setdefault(assignment.unit, []).append(self.assignments[assignment])
            terms = {self.assignments[assignment]: 1 for assignment in sorted(choice.assignments)}
            self._row(terms, choice.least, choice.limit)
        for unit in sorted(self.problem.fixed):
            self.units[unit] = self._variable(1, 1)
        for unit, assignments in sorted(by_unit.items()):
            if unit not in self.problem.fixed:
                self.units[unit] = (
                    assignments[0] if len(assignments) == 1 else self._any(assignments)
                )

    def _any(self, parts: list[int]) -> int:
        """A variable that is 1 exactly when one of the parts is."""
        found = self._variable(0, 1)
        for part in parts:
            self._row({found: 1, part: -1}, least=0)
        self._row({found: -1, **dict.fromkeys(parts, 1)}, least=0)
        return found

    def _take_capacity(self) -> None:
        demands: dict[tuple[str, str], dict[Unit, int]] = {}
        for unit in sorted(self.units):
            free = self.problem.free.get(unit.cluster, {})
            for resource, amount in self.problem.demands.get(unit, {}).items():
                if resource in free and amount > 0:
                    demands.setdefault((unit.cluster, resource), {})[unit] = amount
        for (cluster, resource), amounts in sorted(demands.items()):
            most = max(self.problem.free[cluster][resource], 0)
            if sum(amounts.values()) > most:
                self.limits.append(CapacityLimit(cluster, amounts, most))
        self.rows += [limit.row(self.units) for limit in self.limits]

    def covers(self, units: Collection[Unit]) -> Iterator[LinearConstraint]:
        """Rows against what does not fit, here and where the same components meet elsewhere."""
        broken = {
            frozenset(unit.component for unit in units if unit in limit.amounts)
            for limit in self.limits
            if sum(n for unit, n in limit.amounts.items() if unit in units) > limit.free
        }
        for components in sorted(broken, key=sorted):
            for limit in self.limits:
                alike = [unit for unit in limit.amounts if unit.component in components]
                row = limit.cover(alike, self.units)
                if row is not None:
                    yield row

    def _of(self, component: str) -> dict[str, int]:
        return {u.cluster: at for u, at in sorted(self.units.items()) if u.component == component}

    def _take_spread(self, spread: SpreadConstraint) -> None:
        inside: dict[str, dict[int, int]] = {name: {} for name in self.problem.domains(spread)}
        own = self._of(spread.component)
        for cluster, variable in own.items():
            if cluster in spread.domains:
                inside[spread.domains[cluster]][variable] = 1
            elif Unit(spread.component, cluster) not in self.problem.fixed:
                self._row({variable: 1}, most=0)
        if spread.max_skew is not None:
            lowest = self._variable(0, len(own))
            for terms in inside.values():
                self._row({**terms, lowest: -1}, least=0, most=spread.max_skew)
        if spread.min_domains > 0 and own:
            placed = self._variable(0, 1)
            used = [self._variable(0, 1) for _ in inside]
            for variable in own.values():
                self._row({placed: 1, variable: -1}, least=0)
            for variable, terms in zip(used, inside.values(), strict=True):
                self._row({**terms, variable: -1}, least=0)
            self._row({**dict.fromkeys(used, 1), placed: -spread.min_domains}, least=0)

    def _take_together(self, pair: AffinityConstraint) -> None:
        others = self._of(pair.other)
        inside: dict[str, dict[int, int]] = {}
        for cluster, variable in others.items():
            domain = pair.domain(cluster)
            if domain is not None:
                inside.setdefault(domain, {})[variable] = 1
        for cluster, variable in self._of(pair.component).items():
            domain = pair.domain(cluster)
            terms = {} if domain is None else inside.get(domain, {})
            if variable not in terms:
                self._row({**terms, variable: -1}, least=0)

    def _take_apart(self, pair: AffinityConstraint) -> None:
        inside: dict[str, tuple[list[int], list[int]]] = {}
        for side, component in enumerate((pair.component, pair.other)):
            for cluster, variable in self._of(component).items():
                domain = pair.domain(cluster)
                if domain is not None:
                    inside.setdefault(domain, ([], []))[side].append(variable)
        for ours, others in inside.values():
            if pair.component == pair.other:
                self._row(dict.fromkeys(ours, 1), most=1)
                continue
            here = ours[0] if len(ours) == 1 else self._any(ours)
            for other in others:
                self._row({here: 1, other: 1}, most=1)
