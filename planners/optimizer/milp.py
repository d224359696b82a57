"""The best placement of all components at once, by a solver of whole-number programs.

First the number of seats is made greatest, then the points; among equals, clusters early in the
alphabet win, and what is then still equal is drawn by name. So the answer is one, whichever solver
finds it. Every answer is checked with exact integers before it is believed.
"""

from collections.abc import Mapping
from dataclasses import replace
from zlib import crc32

from planners.optimizer.greedy import assign_greedily
from planners.optimizer.infeasibility import explain_infeasibility
from planners.optimizer.milp_model import ProgramModel
from planners.optimizer.problem import (
    AffinityConstraint,
    Assignment,
    AssignmentProblem,
    Infeasible,
    Solution,
    SpreadConstraint,
    check,
    objective,
    points,
)
from planners.optimizer.solver import (
    IntegerProgram,
    LinearConstraint,
    Solver,
    SolverError,
    SolverResult,
)

ROUNDS = 50
"""How often a solver is asked again because it put more on a cluster than fits."""

_DRAW = 2**16


def solve(problem: AssignmentProblem, solver: Solver) -> Solution | Infeasible:
    """The best placement, whatever the order in which the problem names things.

    It is never worse than the greedy one. Where the solver comes to its limit of work, the better
    of its answer and the greedy one is given, unproven.

    Raises:
        SolverError: the solver's answer breaks a rule.
        ValueError: two choices of one component have the same group.
    """
    problem = ordered(problem)
    search = _Search(problem, solver)
    first = search.maximise(search.worth)
    found, known = search.assignments(first), assign_greedily(problem)
    if found is None and known is None:
        return explain_infeasibility(problem, solver, finished=first.finished)
    chosen = max(
        (each for each in (found, known) if each is not None),
        key=lambda each: objective(problem, each),
    )
    if chosen is found and search.total(chosen) >= first.bound:
        solution = search.settle(first, chosen)
    else:
        top = _most_points(problem)
        bound = top if found is None else first.bound - search.seat_worth * len(chosen)
        given = points(problem, chosen)
        solution = Solution(chosen, given, min(bound, top), proven=False, settled=False)
    broken = check(problem, solution.chosen)
    if broken:
        raise SolverError(f"the solver's answer breaks a rule: {broken[0]}")
    return solution


class _Search:
    """One problem, and what was learnt about it so far."""

    def __init__(self, problem: AssignmentProblem, solver: Solver) -> None:
        self.problem = problem
        self.solver = solver
        self.compiled = ProgramModel(problem)
        self.rows = list(self.compiled.rows)
        self.points = {
            self.compiled.assignments[assignment]: choice.candidates[assignment.cluster]
            for choice in problem.choices
            for assignment in choice.assignments
        }
        open_ended = any(choice.least < choice.limit for choice in problem.choices)
        self.seat_worth = _most_points(problem) + 1 if open_ended else 0
        self.worth = {
            assignment: self.seat_worth + given for assignment, given in self.points.items()
        }

    def maximise(self, goal: Mapping[int, int], hint: tuple[int, ...] = ()) -> SolverResult:
        """The best answer that keeps every capacity exactly."""
        bound = 0
        for _ in range(ROUNDS):
            program = IntegerProgram(tuple(self.compiled.bounds), tuple(self.rows), goal, hint)
            answer = self.solver.maximise(program)
            chosen = self.assignments(answer)
            covers = list(self.compiled.covers(self.problem.units(chosen or ())))
            if chosen is None or not covers:
                return answer
            self.rows += covers
            bound = answer.bound
        return SolverResult(None, bound, finished=False)

    def assignments(self, answer: SolverResult) -> frozenset[Assignment] | None:
        """The seats an answer takes."""
        if answer.values is None:
            return None
        return frozenset(
            assignment for assignment, at in self.compiled.assignments.items() if answer.values[at]
        )

    def total(self, chosen: frozenset[Assignment]) -> int:
        """What the goal of the first search comes to."""
        return self.seat_worth * len(chosen) + points(self.problem, chosen)

    def settle(self, first: SolverResult, chosen: frozenset[Assignment]) -> Solution:
        """Decide among the answers with as many seats and points as this one."""
        best = points(self.problem, chosen)
        assignments = self.compiled.assignments
        self.rows.append(
            LinearConstraint(dict.fromkeys(assignments.values(), 1), least=len(chosen))
        )
        self.rows.append(LinearConstraint(self.points, least=best))
        places = {
            name: at
            for at, name in enumerate(sorted({assignment.cluster for assignment in assignments}))
        }
        answer, early = self._prefer(
            {at: -places[s.cluster] for s, at in assignments.items()}, first
        )
        answer, drawn = self._prefer(
            {at: _draw(assignment) for assignment, at in assignments.items()}, answer
        )
        settled = self.assignments(answer) or chosen
        return Solution(settled, best, best, proven=True, settled=early and drawn)

    def _prefer(self, goal: Mapping[int, int], known: SolverResult) -> tuple[SolverResult, bool]:
        """The best by this goal, to be kept to from now on, and whether that was proven."""
        answer = self.maximise(goal, known.values or ())
        if answer.values is None or not all(row.holds(answer.values) for row in self.rows):
            return known, False
        worth = sum(factor * answer.values[at] for at, factor in goal.items())
        self.rows.append(LinearConstraint(goal, least=worth))
        return answer, worth >= answer.bound


def _draw(assignment: Assignment) -> int:
    """A number that depends on the seat's name alone, and is equal for few."""
    return crc32(f"{assignment.component}/{assignment.group}/{assignment.cluster}".encode()) % _DRAW


def _most_points(problem: AssignmentProblem) -> int:
    """The points there were if nothing but the counts had to be kept."""
    return sum(
        sum(sorted(choice.candidates.values())[-choice.limit :])
        for choice in problem.choices
        if choice.limit
    )


def ordered(problem: AssignmentProblem) -> AssignmentProblem:
    """The same problem with everything in one order."""
    return replace(
        problem,
        choices=tuple(sorted(problem.choices, key=lambda each: (each.component, each.group))),
        spreads=tuple(sorted(problem.spreads, key=_spread_key)),
        together=tuple(sorted(problem.together, key=_pair_key)),
        apart=tuple(sorted(problem.apart, key=_pair_key)),
    )


def _spread_key(spread: SpreadConstraint) -> tuple[str, int, int, list[tuple[str, str]]]:
    skew = -1 if spread.max_skew is None else spread.max_skew
    return spread.component, skew, spread.min_domains, sorted(spread.domains.items())


def _pair_key(pair: AffinityConstraint) -> tuple[str, str, bool, list[tuple[str, str]]]:
    domains = sorted((pair.domains or {}).items())
    return pair.component, pair.other, pair.domains is None, domains
