"""Places all components of an application together, with a solver: `strategy: optimal`."""

from dataclasses import dataclass

from planners.optimizer.joint import HUNDREDTHS, JointProblem
from planners.optimizer.milp import solve
from planners.optimizer.problem import (
    Assignment,
    AssignmentProblem,
    Infeasible,
    Solution,
    check,
    points,
)
from planners.optimizer.solver import Solver
from planners.placement.place import Placement


@dataclass(frozen=True, slots=True)
class OptimizationResult:
    """What the solver gained over the greedy strategy, in points (0 to 100 for each assignment).

    `gained_points` and `gained_clusters` are None if the greedy strategy found no placement. `gap`
    is the distance to the upper bound in points; 0 means proven optimal.
    """

    gained_points: float | None
    gained_clusters: int | None
    gap: float

    def __str__(self) -> str:
        quality = f"within {self.gap:g} points of the optimum" if self.gap else "proven optimal"
        if self.gained_points is None or self.gained_clusters is None:
            return f"{quality}; the greedy strategy finds no placement"
        clusters = f" and {self.gained_clusters} clusters" if self.gained_clusters else ""
        return f"{quality}; {self.gained_points:g} points{clusters} above the greedy strategy"


@dataclass(frozen=True, slots=True)
class OptimizedPlacement:
    """A placement, with the gain if the solver found it; None if it is the greedy one."""

    placement: Placement
    result: OptimizationResult | None = None


def optimize(greedy: Placement, solver: Solver) -> OptimizedPlacement:
    """The best placement; the greedy one, with the reason as a problem, if there is none.

    Raises:
        SolverError: the solver's solution violates a rule.
    """
    joint = JointProblem.of(greedy)
    if not joint.options:
        return OptimizedPlacement(greedy)
    solution = solve(joint.problem, solver)
    if isinstance(solution, Infeasible):
        if greedy.problems:
            greedy.fail(joint.options[0].group, solution.reason)
        return OptimizedPlacement(greedy)
    result = _compare(joint.problem, solution, joint.assignments(greedy))
    return OptimizedPlacement(joint.apply(solution.chosen), result)


def _compare(
    problem: AssignmentProblem, solution: Solution, greedy: frozenset[Assignment]
) -> OptimizationResult:
    gap = (solution.bound - solution.points) / HUNDREDTHS
    candidates = {(choice.component, choice.group): choice.candidates for choice in problem.choices}
    foreign = any(a.cluster not in candidates.get((a.component, a.group), {}) for a in greedy)
    if foreign or check(problem, greedy):
        return OptimizationResult(None, None, gap)
    gained = (solution.points - points(problem, greedy)) / HUNDREDTHS
    return OptimizationResult(gained, len(solution.chosen) - len(greedy), gap)
