"""Makes a failing world smaller: the fewest faults with which the same law is broken."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from tests.simulation.world import Outcome, simulate

MOST_RUNS = 150
Run: TypeAlias = Callable[..., Outcome]
"""Runs the world of a seed, with the faults that may happen."""


def shrink(outcome: Outcome, run: Run = simulate) -> Outcome:
    """The world again, with fewer faults; at most `MOST_RUNS` worlds are tried.

    Leaves out large parts first and smaller ones then (delta debugging). A world counts as the same
    failure when the violation has the same kind, which is its text without names and numbers.
    """
    best, size, runs = outcome, max(len(outcome.faults) // 2, 1), 0
    while best.faults and runs < MOST_RUNS:
        smaller = False
        for start in range(0, len(best.faults), size):
            kept = frozenset(best.faults[:start] + best.faults[start + size :])
            found = run(best.seed, kept)
            runs += 1
            if kind(found.violation) == kind(outcome.violation):
                best, smaller = replace(found, faults=tuple(sorted(kept & {*found.faults}))), True
                break
            if runs >= MOST_RUNS:
                break
        if not smaller:
            if size == 1:
                break
            size = max(size // 2, 1)
    return best


def kind(violation: str) -> str:
    """What a violation says, without what differs from world to world."""
    return "".join(each for each in violation.partition(":")[0] if not each.isdigit())
