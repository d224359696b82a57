"""Finds the best placement of all components together, with a solver of integer programs.

The objective is lexicographic: the number of assignments, then their score. Ties are resolved in
favour of an even load, then of clusters early in the alphabet, then by a hash of the names, so that
the solution is the same with every solver. Every solution is verified in exact arithmetic before it
is accepted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from planners.optimizer.reduce import reduced
from planners.optimizer.solver import (
    IntegerProgram,
    LinearConstraint,
    Solver,
    SolverError,
    SolverResult,
)

ROUNDS = 50
"""How often the solver is called again because its solution exceeded a capacity."""

_HASHES = 2**16


@dataclass(frozen=True, slots=True)
class _TieBreak:
    """The result after a further goal was maximised; `proven`: it is optimal for that goal."""

    result: SolverResult
    proven: bool


def solve(problem: AssignmentProblem, solver: Solver) -> Solution | Infeasible:
    """The best solution, independent of the order of the problem's parts.

    Never worse than the greedy solution. If the solver reaches its limit, the better of its
    solution and the greedy one is returned, unproven.

    Raises:
        SolverError: the solver's solution violates a rule.
        ValueError: two choices of one component have the same group.
    """
    problem = ordered(problem)
    search = _Search(reduced(problem), solver)
    result = search.maximise(search.goal)
    solved, greedy = search.assignments(result), assign_greedily(problem)
    if solved is None and greedy is None:
        return _explain(problem, solver, finished=result.finished)
    chosen = max(
        (each for each in (solved, greedy) if each is not None),
        key=lambda each: objective(problem, each),
    )
    if chosen is solved and search.goal_value(chosen) >= result.bound:
        solution = search.resolve_ties(result, chosen)
    else:
        highest = _highest_score(problem)
        weight = search.assignment_weight
        bound = highest if solved is None else result.bound - weight * len(chosen)
        score = points(problem, chosen)
        solution = Solution(chosen, score, min(bound, highest), proven=False, ties_resolved=False)
    violations = check(problem, solution.chosen)
    if violations:
        raise SolverError(f"the solver's answer violates a rule: {violations[0]}")
    return solution


def _explain(problem: AssignmentProblem, solver: Solver, *, finished: bool) -> Infeasible:
    """Why there is no solution; unknown if the solver reached its limit."""

    def feasible(relaxed: AssignmentProblem) -> bool:
        model = ProgramModel(reduced(relaxed))
        program = IntegerProgram(tuple(model.bounds), tuple(model.constraints))
        return solver.maximise(program).values is not None

    if finished:
        return explain_infeasibility(problem, feasible)
    return Infeasible(
        "the solver reached its node limit without finding a placement; reduce the number of "
        "rules or the minimum counts",
        proven=False,
    )


class _Search:
    """The program of one problem, with the constraints learned so far."""

    def __init__(self, problem: AssignmentProblem, solver: Solver) -> None:
        self.problem = problem
        self.solver = solver
        self.model = ProgramModel(problem)
        self.constraints = list(self.model.constraints)
        self.scores = {
            self.model.assignments[assignment]: choice.candidates[assignment.cluster]
            for choice in problem.choices
            for assignment in choice.assignments
        }
        open_ended = any(choice.minimum < choice.limit for choice in problem.choices)
        self.assignment_weight = _highest_score(problem) + 1 if open_ended else 0
        self.goal = {at: self.assignment_weight + score for at, score in self.scores.items()}

    def maximise(self, goal: Mapping[int, int], hint: tuple[int, ...] = ()) -> SolverResult:
        """The best solution that satisfies every capacity limit exactly."""
        bound = 0
        for _ in range(ROUNDS):
            program = IntegerProgram(tuple(self.model.bounds), tuple(self.constraints), goal, hint)
            result = self.solver.maximise(program)
            chosen = self.assignments(result)
            covers = list(self.model.covers(self.problem.units(chosen or ())))
            if chosen is None or not covers:
                return result
            self.constraints += covers
            bound = result.bound
        return SolverResult(None, bound, finished=False)

    def assignments(self, result: SolverResult) -> frozenset[Assignment] | None:
        """The assignments of a result."""
        if result.values is None:
            return None
        return frozenset(
            assignment for assignment, at in self.model.assignments.items() if result.values[at]
        )

    def goal_value(self, chosen: frozenset[Assignment]) -> int:
        """The value of the primary goal."""
        return self.assignment_weight * len(chosen) + points(self.problem, chosen)

    def resolve_ties(self, first: SolverResult, chosen: frozenset[Assignment]) -> Solution:
        """Choose one of the solutions with as many assignments and the same score."""
        best = points(self.problem, chosen)
        variables = self.model.assignments
        count = dict.fromkeys(variables.values(), 1)
        self.constraints.append(LinearConstraint(count, minimum=len(chosen)))
        self.constraints.append(LinearConstraint(self.scores, minimum=best))
        known = len(self.model.constraints)
        names = sorted({assignment.cluster for assignment in variables})
        index = {name: at for at, name in enumerate(names)}
        crowding = self.model.crowding()
        self.constraints += self.model.constraints[known:]
        spread = self._maximise_also(crowding, replace(first, values=None))
        by_name = self._maximise_also(
            {at: -index[assignment.cluster] for assignment, at in variables.items()},
            spread.result,
        )
        by_hash = self._maximise_also(
            {at: _hash(assignment) for assignment, at in variables.items()}, by_name.result
        )
        resolved = spread.proven and by_name.proven and by_hash.proven
        final = self.assignments(by_hash.result) or chosen
        return Solution(final, best, best, proven=True, ties_resolved=resolved)

    def _maximise_also(self, goal: Mapping[int, int], known: SolverResult) -> _TieBreak:
        """Maximise a further goal, and keep its value for later goals."""
        result = self.maximise(goal, known.values or ())
        if result.values is None or not all(each.holds(result.values) for each in self.constraints):
            return _TieBreak(known, proven=False)
        reached = sum(factor * result.values[at] for at, factor in goal.items())
        self.constraints.append(LinearConstraint(goal, minimum=reached))
        return _TieBreak(result, proven=reached >= result.bound)


def _hash(assignment: Assignment) -> int:
    """A number that depends on the assignment's names alone; collisions are rare."""
    name = f"{assignment.component}/{assignment.group}/{assignment.cluster}"
    return crc32(name.encode()) % _HASHES


def _highest_score(problem: AssignmentProblem) -> int:
    """The total score if no rule but the counts applied."""
    return sum(
        sum(sorted(choice.candidates.values())[-choice.limit :])
        for choice in problem.choices
        if choice.limit
    )


def ordered(problem: AssignmentProblem) -> AssignmentProblem:
    """The same problem in canonical order."""
    return replace(
        problem,
        choices=tuple(sorted(problem.choices, key=lambda each: (each.component, each.group))),
        spreads=tuple(sorted(problem.spreads, key=_spread_key)),
        affinities=tuple(sorted(problem.affinities, key=_affinity_key)),
        anti_affinities=tuple(sorted(problem.anti_affinities, key=_affinity_key)),
    )


def _spread_key(spread: SpreadConstraint) -> tuple[str, int, int, list[tuple[str, str]]]:
    skew = -1 if spread.max_skew is None else spread.max_skew
    return spread.component, skew, spread.min_domains, sorted(spread.domains.items())


def _affinity_key(pair: AffinityConstraint) -> tuple[str, str, bool, list[tuple[str, str]]]:
    domains = sorted((pair.domains or {}).items())
    return pair.component, pair.other, pair.domains is None, domains
