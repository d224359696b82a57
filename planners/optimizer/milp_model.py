"""Builds the integer program of an assignment problem, and keeps its capacity limits exact.

Called by `milp`. Solvers calculate in floating point, so large amounts are rounded down: the
program admits slightly too much, never too little. `covers` finds what was admitted wrongly and
excludes it exactly.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from math import gcd

from planners.model import Unit
from planners.optimizer.problem import (
    AffinityConstraint,
    Assignment,
    AssignmentProblem,
    SpreadConstraint,
)
from planners.optimizer.solver import Bounds, LinearConstraint

_BITS = 22
_BINARY = Bounds(0, 1)
_ONE = Bounds(1, 1)


@dataclass(frozen=True, slots=True)
class CapacityLimit:
    """The amounts of one resource that units request on one cluster, and the free amount."""

    amounts: Mapping[Unit, int]
    free: int

    def constraint(self, variables: Mapping[Unit, int]) -> LinearConstraint:
        """The constraint for the solver: exact if amounts have a common divisor, else rounded."""
        shared = gcd(*self.amounts.values())
        shift = max(0, (max(self.amounts.values()) // shared).bit_length() - _BITS)
        terms = {variables[unit]: (n // shared) >> shift for unit, n in self.amounts.items()}
        return LinearConstraint(terms, maximum=(self.free // shared) >> shift)

    def cover(
        self, units: Collection[Unit], variables: Mapping[Unit, int]
    ) -> LinearConstraint | None:
        """A constraint that excludes this set of units; None if they fit.

        An extended cover inequality: the smallest units are dropped while the rest still exceeds
        the capacity; then every unit at least as large as the largest is added, because no more of
        these fit either.
        """
        cover = sorted(
            (unit for unit in units if unit in self.amounts),
            key=lambda unit: (-self.amounts[unit], unit),
        )
        total = sum(self.amounts[unit] for unit in cover)
        if total <= self.free:
            return None
        while total - self.amounts[cover[-1]] > self.free:
            total -= self.amounts[cover.pop()]
        largest = self.amounts[cover[0]]
        extended = {*cover, *(unit for unit, n in self.amounts.items() if n >= largest)}
        terms = {variables[unit]: 1 for unit in sorted(extended)}
        return LinearConstraint(terms, maximum=len(cover) - 1)


@dataclass(slots=True)
class _DomainVariables:
    """The variables of two components in one domain."""

    component: list[int] = field(default_factory=list)
    other: list[int] = field(default_factory=list)


class ProgramModel:
    """The integer program of a problem.

    One binary variable per possible assignment (`assignments`) and per unit (`units`), and
    auxiliary ones for the constraints.
    """

    def __init__(self, problem: AssignmentProblem) -> None:
        self.problem = problem
        self.bounds: list[Bounds] = []
        self.constraints: list[LinearConstraint] = []
        self.assignments: dict[Assignment, int] = {}
        self.units: dict[Unit, int] = {}
        self.limits: list[CapacityLimit] = []
        self._add_choices()
        self._add_capacity()
        for spread in problem.spreads:
            self._add_spread(spread)
        for pair in problem.affinities:
            self._add_affinity(pair)
        for pair in problem.anti_affinities:
            self._add_anti_affinity(pair)

    def _variable(self, bounds: Bounds = _BINARY) -> int:
        self.bounds.append(bounds)
        return len(self.bounds) - 1

    def _constrain(
        self, terms: Mapping[int, int], minimum: int | None = None, maximum: int | None = None
    ) -> None:
        self.constraints.append(LinearConstraint(terms, minimum, maximum))

    def _add_choices(self) -> None:
        by_unit: dict[Unit, list[int]] = {}
        for choice in self.problem.choices:
            for assignment in sorted(choice.assignments):
                self.assignments[assignment] = self._variable()
                by_unit.setdefault(assignment.unit, []).append(self.assignments[assignment])
            terms = {self.assignments[assignment]: 1 for assignment in sorted(choice.assignments)}
            self._constrain(terms, choice.minimum, choice.limit)
        for unit in sorted(self.problem.fixed):
            self.units[unit] = self._variable(_ONE)
        for unit, variables in sorted(by_unit.items()):
            if unit not in self.problem.fixed:
                self.units[unit] = self._any(variables)

    def _any(self, variables: list[int]) -> int:
        """A variable that is 1 exactly when one of the variables is."""
        if len(variables) == 1:
            return variables[0]
        result = self._variable()
        for variable in variables:
            self._constrain({result: 1, variable: -1}, minimum=0)
        self._constrain({result: -1, **dict.fromkeys(variables, 1)}, minimum=0)
        return result

    def _add_capacity(self) -> None:
        requests: dict[tuple[str, str], dict[Unit, int]] = {}
        for unit in sorted(self.units):
            free = self.problem.free.get(unit.cluster, {})
            for resource, amount in self.problem.requests.get(unit, {}).items():
                if resource in free and amount > 0:
                    requests.setdefault((unit.cluster, resource), {})[unit] = amount
        for (cluster, resource), amounts in sorted(requests.items()):
            available = max(self.problem.free[cluster][resource], 0)
            if sum(amounts.values()) > available:
                self.limits.append(CapacityLimit(amounts, available))
        self.constraints += [limit.constraint(self.units) for limit in self.limits]

    def crowding(self) -> dict[int, int]:
        """Adds variables for the load of each cluster; the goal to maximise, which spreads it.

        The first choice on a cluster adds its load, each further one 1 more.
        """
        by_cluster: dict[str, list[int]] = {}
        goal: dict[int, int] = {}
        for unit, variable in sorted(self.units.items()):
            if unit not in self.problem.fixed:
                by_cluster.setdefault(unit.cluster, []).append(variable)
                goal[variable] = -self.problem.loads.get(unit, 0)
        for _, variables in sorted(by_cluster.items()):
            places = [self._variable() for _ in variables[1:]]
            goal |= {place: -number for number, place in enumerate(places, start=1)}
            first = self._variable()
            taken = dict.fromkeys((first, *places), -1)
            self._constrain({**dict.fromkeys(variables, 1), **taken}, minimum=0, maximum=0)
        return goal

    def covers(self, units: Collection[Unit]) -> Iterator[LinearConstraint]:
        """Constraints against components that exceed a limit, on every cluster where they would."""
        exceeding = {
            frozenset(unit.component for unit in units if unit in limit.amounts)
            for limit in self.limits
            if sum(n for unit, n in limit.amounts.items() if unit in units) > limit.free
        }
        for components in sorted(exceeding, key=sorted):
            for limit in self.limits:
                alike = [unit for unit in limit.amounts if unit.component in components]
                constraint = limit.cover(alike, self.units)
                if constraint is not None:
                    yield constraint

    def _variables_of(self, component: str) -> dict[str, int]:
        """The unit variables of a component, by cluster."""
        units = sorted(self.units.items())
        return {unit.cluster: at for unit, at in units if unit.component == component}

    def _add_spread(self, spread: SpreadConstraint) -> None:
        by_domain: dict[str, dict[int, int]] = {name: {} for name in self.problem.domains(spread)}
        own = self._variables_of(spread.component)
        for cluster, variable in own.items():
            if cluster in spread.domains:
                by_domain[spread.domains[cluster]][variable] = 1
            elif Unit(spread.component, cluster) not in self.problem.fixed:
                self._constrain({variable: 1}, maximum=0)
        if spread.max_skew is not None:
            lowest = self._variable(Bounds(0, len(own)))
            for terms in by_domain.values():
                self._constrain({**terms, lowest: -1}, minimum=0, maximum=spread.max_skew)
        if spread.min_domains > 0 and own:
            placed = self._variable()
            used = [self._variable() for _ in by_domain]
            for variable in own.values():
                self._constrain({placed: 1, variable: -1}, minimum=0)
            for variable, terms in zip(used, by_domain.values(), strict=True):
                self._constrain({**terms, variable: -1}, minimum=0)
            terms = {**dict.fromkeys(used, 1), placed: -spread.min_domains}
            self._constrain(terms, minimum=0)

    def _add_affinity(self, pair: AffinityConstraint) -> None:
        by_domain: dict[str, dict[int, int]] = {}
        for cluster, variable in self._variables_of(pair.other).items():
            domain = pair.domain(cluster)
            if domain is not None:
                by_domain.setdefault(domain, {})[variable] = 1
        for cluster, variable in self._variables_of(pair.component).items():
            domain = pair.domain(cluster)
            terms = {} if domain is None else by_domain.get(domain, {})
            if variable not in terms:
                self._constrain({**terms, variable: -1}, minimum=0)

    def _add_anti_affinity(self, pair: AffinityConstraint) -> None:
        by_domain: dict[str, _DomainVariables] = {}
        for cluster, variable in self._variables_of(pair.component).items():
            domain = pair.domain(cluster)
            if domain is not None:
                by_domain.setdefault(domain, _DomainVariables()).component.append(variable)
        for cluster, variable in self._variables_of(pair.other).items():
            domain = pair.domain(cluster)
            if domain is not None:
                by_domain.setdefault(domain, _DomainVariables()).other.append(variable)
        for variables in by_domain.values():
            if pair.component == pair.other:
                self._constrain(dict.fromkeys(variables.component, 1), maximum=1)
                continue
            any_unit = self._any(variables.component)
            for other in variables.other:
                self._constrain({any_unit: 1, other: 1}, maximum=1)
