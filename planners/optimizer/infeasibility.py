"""Why there is no placement: what is missing, or which rule stands in the way.

Called by `optimal` when a solver found nothing. A reason names the rules of which any one would
have to go; where that is not enough, it says so.
"""

from collections.abc import Iterator
from dataclasses import replace

from planners.optimizer.greedy import PartialAssignment
from planners.optimizer.milp_model import ProgramModel
from planners.optimizer.problem import AssignmentProblem, Choice, Infeasible, check
from planners.optimizer.solver import IntegerProgram, Solver


def explain_infeasibility(
    problem: AssignmentProblem, solver: Solver, *, finished: bool
) -> Infeasible:
    """The reason no placement was found, as far as can be told."""
    if not finished:
        return Infeasible(
            "no placement was found within the solver's limit of work; fewer rules, or smaller "
            "least counts, make it easier",
            proven=False,
        )
    fixed = check(replace(problem, choices=(), spreads=(), together=()), ())
    short = next((text for choice in problem.choices if (text := _short(problem, choice))), None)
    if fixed or short:
        return Infeasible(fixed[0] if fixed else short or "", proven=True)
    culprits = [
        name
        for name, easier in _relaxed(problem)
        if solver.maximise(_feasible(easier)).values is not None
    ]
    if culprits:
        reason = f"no placement obeys every rule; one would without {' or without '.join(culprits)}"
    else:
        reason = "no placement obeys every rule, and leaving out any single rule is not enough"
    return Infeasible(reason, proven=True)


def _short(problem: AssignmentProblem, choice: Choice) -> str | None:
    """What is missing where too few candidates have room, seen alone."""
    allocation = PartialAssignment(problem)
    room = sum(
        1
        for assignment in choice.assignments
        if assignment.unit in allocation.units or allocation.has_room(assignment.unit)
    )
    if min(room, choice.limit) >= choice.least:
        return None
    return (
        f"{choice.component} needs {choice.least} clusters in its group {choice.group} and takes "
        f"{choice.limit} at most; candidates: {len(choice.candidates)}, with room: {room}"
    )


def _relaxed(problem: AssignmentProblem) -> Iterator[tuple[str, AssignmentProblem]]:
    """The problem without one of its rules, and the name of that."""
    yield "the limits of capacity", replace(problem, free={})
    for spread in problem.spreads:
        rest = tuple(each for each in problem.spreads if each != spread)
        yield f"the spread of {spread.component}", replace(problem, spreads=rest)
    for pair in problem.together:
        rest_pairs = tuple(each for each in problem.together if each != pair)
        name = f"{pair.component} with {pair.other}"
        yield name, replace(problem, together=rest_pairs)
    for pair in problem.apart:
        rest_pairs = tuple(each for each in problem.apart if each != pair)
        yield f"{pair.component} apart from {pair.other}", replace(problem, apart=rest_pairs)


def _feasible(problem: AssignmentProblem) -> IntegerProgram:
    compiled = ProgramModel(problem)
    return IntegerProgram(tuple(compiled.bounds), tuple(compiled.rows))
