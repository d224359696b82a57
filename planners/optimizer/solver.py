"""Integer programs as plain values, and the protocol of their solvers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range of a variable, both ends included."""

    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class LinearConstraint:
    """`minimum <= sum of coefficient * variable <= maximum`; None means unbounded.

    `terms` maps the index of a variable to its coefficient.
    """

    terms: Mapping[int, int]
    minimum: int | None = None
    maximum: int | None = None

    def holds(self, values: Sequence[int]) -> bool:
        """Whether the values satisfy the constraint, in exact arithmetic."""
        total = sum(factor * values[variable] for variable, factor in self.terms.items())
        return (self.minimum is None or total >= self.minimum) and (
            self.maximum is None or total <= self.maximum
        )


@dataclass(frozen=True, slots=True)
class IntegerProgram:
    """Find values of variables 0, 1, ... that satisfy all constraints and maximise `goal`.

    `goal` maps the index of a variable to its coefficient. `hint` is a feasible value of each
    variable to start from (empty: none).
    """

    bounds: tuple[Bounds, ...]
    constraints: tuple[LinearConstraint, ...]
    goal: Mapping[int, int] = field(default_factory=dict)
    hint: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SolverResult:
    """A solver's result.

    `values` holds one integer per variable, or is None if no solution was found. `bound` is an
    upper bound of the goal. `finished` is False if the solver reached its limit; otherwise the
    values are optimal, or no solution exists.
    """

    values: tuple[int, ...] | None
    bound: int
    finished: bool


class Solver(Protocol):
    """Solves integer programs.

    Deterministic on every machine: effort is limited by a count, never by time. Solutions may
    violate constraints within floating-point precision; the caller verifies them.
    """

    def maximise(self, program: IntegerProgram) -> SolverResult:
        """The best solution found within the limit."""
        ...


class SolverError(Exception):
    """A solver failed, or returned an invalid result."""
