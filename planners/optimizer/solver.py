"""Whole-number programs as plain values, and what a solver of them must do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LinearConstraint:
    """`least <= sum of coefficient * variable <= most`; None is no limit on that side.

    `terms` maps the number of a variable to its coefficient.
    """

    terms: Mapping[int, int]
    least: int | None = None
    most: int | None = None

    def holds(self, values: Sequence[int]) -> bool:
        """Whether the row is kept, calculated exactly."""
        total = sum(factor * values[variable] for variable, factor in self.terms.items())
        return (self.least is None or total >= self.least) and (
            self.most is None or total <= self.most
        )


@dataclass(frozen=True, slots=True)
class IntegerProgram:
    """Values for variables 0, 1, ... so that all rows hold and the sum of `goal` is greatest.

    `bounds` holds the lowest and highest value of each variable; `goal` maps the number of a
    variable to its coefficient. `hint` is a value of each variable, obeying all rows, to start from
    (empty: none).
    """

    bounds: tuple[tuple[int, int], ...]
    rows: tuple[LinearConstraint, ...]
    goal: Mapping[int, int] = field(default_factory=dict)
    hint: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SolverResult:
    """What a solver found.

    `values` holds one whole number per variable, or is None when none were found. `bound` is a
    number the goal cannot exceed. `finished` is False when the solver came to its limit of work;
    otherwise the values are the best, or there are none at all.
    """

    values: tuple[int, ...] | None
    bound: int
    finished: bool


class Solver(Protocol):
    """Solves whole-number programs.

    The same program gets the same answer on a machine of any speed: work is limited by counting
    it, never by the clock. Rows may be overstepped by what floats cannot tell; who asks, checks.
    """

    def maximise(self, program: IntegerProgram) -> SolverResult:
        """The values with the greatest goal, as far as the limit of work allows."""
        ...


class SolverError(Exception):
    """A solver answered what cannot be true, or could not answer at all."""
