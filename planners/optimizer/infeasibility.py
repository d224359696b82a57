"""Explains why there is no solution: insufficient candidates, or rules that conflict.

Called by `milp` and `repair` when there is none. The reason lists the rules of which removing any
one would make a solution possible, or states that removing one is not enough.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from planners.optimizer.greedy import PartialAssignment
from planners.optimizer.problem import AssignmentProblem, Choice, Infeasible, check


@dataclass(frozen=True, slots=True)
class _Relaxation:
    """The problem without one of its rules."""

    rule: str
    problem: AssignmentProblem


def explain_infeasibility(
    problem: AssignmentProblem, feasible: Callable[[AssignmentProblem], bool]
) -> Infeasible:
    """The most specific reason that can be determined.

    `feasible` decides whether a problem has a solution.
    """
    fixed = check(replace(problem, choices=(), spreads=(), affinities=()), ())
    shortage = find_shortage(problem)
    if fixed or shortage:
        return Infeasible(fixed[0] if fixed else shortage or "", proven=True)
    conflicting = [each.rule for each in _relaxations(problem) if feasible(each.problem)]
    if conflicting:
        rules = " or ".join(f"without {rule}" for rule in conflicting)
        return Infeasible(f"no placement satisfies all rules; one exists {rules}", proven=True)
    reason = "no placement satisfies all rules, even if any single rule is removed"
    return Infeasible(reason, proven=True)


def find_shortage(problem: AssignmentProblem) -> str | None:
    """Why a choice cannot be satisfied even alone; None if each can."""
    shortages = (_shortage(problem, choice) for choice in problem.choices)
    return next((text for text in shortages if text), None)


def _shortage(problem: AssignmentProblem, choice: Choice) -> str | None:
    """Why a choice cannot be satisfied even alone: too few candidates with capacity."""
    partial = PartialAssignment(problem)
    available = sum(
        1
        for each in choice.assignments
        if each.unit in partial.units or partial.has_capacity(each.unit)
    )
    if min(available, choice.limit) >= choice.minimum:
        return None
    return (
        f"{choice.component} needs {choice.minimum} clusters in group {choice.group}, which takes "
        f"at most {choice.limit}; candidates: {len(choice.candidates)}, with capacity: {available}"
    )


def _relaxations(problem: AssignmentProblem) -> Iterator[_Relaxation]:
    yield _Relaxation("capacity limits", replace(problem, free={}))
    for spread in problem.spreads:
        spreads = tuple(each for each in problem.spreads if each != spread)
        yield _Relaxation(f"the spread of {spread.component}", replace(problem, spreads=spreads))
    for pair in problem.affinities:
        pairs = tuple(each for each in problem.affinities if each != pair)
        rule = f"{pair.component} with {pair.other}"
        yield _Relaxation(rule, replace(problem, affinities=pairs))
    for pair in problem.anti_affinities:
        pairs = tuple(each for each in problem.anti_affinities if each != pair)
        rule = f"{pair.component} apart from {pair.other}"
        yield _Relaxation(rule, replace(problem, anti_affinities=pairs))
