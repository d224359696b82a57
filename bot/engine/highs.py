"""The only importer of HiGHS, the solver of `strategy: optimal`. Called by `bot.engine.propose`.

HiGHS comes with the extra `optimal` and is imported on first use, so that everything else works
without it. One thread, a fixed seed, and a limit on nodes instead of time make the result the same
on every machine.
"""

import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from planners.optimizer.solver import (
    Bounds,
    IntegerProgram,
    LinearConstraint,
    Solver,
    SolverError,
    SolverResult,
)

NODES = 10_000
"""Branch-and-bound nodes after which the solver returns its best solution so far."""

_LARGE = 1000
_SETTINGS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "threads": 1,
    "parallel": "off",
    "random_seed": 0,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.5,  # goals are integers, so a gap below 1 means optimal
}


class SolverMissingError(Exception):
    """The solver's package is not installed."""


def load(nodes: int = NODES) -> Solver:
    """A solver limited to that number of branch-and-bound nodes per program.

    Raises:
        SolverMissingError: the extra `optimal` is not installed.
    """
    try:
        import highspy  # noqa: PLC0415 - an extra, imported when it is needed
    except ImportError as missing:
        raise SolverMissingError(
            "`strategy: optimal` needs a solver that is not installed: run "
            "`pip install switchyard[optimal]`, or use `strategy: greedy`"
        ) from missing
    return Highs(highspy, nodes)


class Highs:
    """HiGHS (https://highs.dev) as a `Solver`."""

    def __init__(self, package: ModuleType, nodes: int) -> None:
        self.package: Any = package
        self.nodes = nodes

    def maximise(self, program: IntegerProgram) -> SolverResult:
        """The best solution found within the node limit.

        Raises:
            SolverError: HiGHS rejects the program, or ends with an unexpected status.
        """
        if not program.bounds:
            feasible = all(each.holds(()) for each in program.constraints)
            return SolverResult(() if feasible else None, 0, finished=True)
        model = self.package.Highs()
        for name, setting in {**_SETTINGS, "mip_max_nodes": self.nodes}.items():
            model.setOptionValue(name, setting)
        if model.passModel(self._model(program)) == self.package.HighsStatus.kError:
            raise SolverError("HiGHS rejects the program")
        if program.hint:
            start = self.package.HighsSolution()
            start.col_value = [float(number) for number in program.hint]
            model.setSolution(start)
        model.run()
        return self._result(program, model)

    def _result(self, program: IntegerProgram, model: Any) -> SolverResult:
        statuses = self.package.HighsModelStatus
        status, info = model.getModelStatus(), model.getInfo()
        if status in (statuses.kInfeasible, statuses.kUnboundedOrInfeasible):  # bounds are finite
            return SolverResult(None, 0, finished=True)
        if status not in (statuses.kOptimal, statuses.kSolutionLimit):
            raise SolverError(f"HiGHS ended with status {model.modelStatusToString(status)}")
        bound = sum(
            factor * _extreme(program.bounds[variable], factor)
            for variable, factor in program.goal.items()
        )
        if math.isfinite(info.mip_dual_bound):
            bound = min(bound, math.floor(info.mip_dual_bound + 0.001))
        if info.primal_solution_status != self.package.SolutionStatus.kSolutionStatusFeasible:
            return SolverResult(None, bound, finished=False)
        values = tuple(round(number) for number in model.getSolution().col_value)
        return SolverResult(values, bound, finished=status == statuses.kOptimal)

    def _model(self, program: IntegerProgram) -> Any:
        bounds, constraints = program.bounds, program.constraints
        model = self.package.HighsLp()
        model.num_col_, model.num_row_ = len(bounds), len(constraints)
        model.sense_ = self.package.ObjSense.kMaximize
        model.col_cost_ = [float(program.goal.get(at, 0)) for at in range(len(bounds))]
        model.col_lower_ = [float(each.minimum) for each in bounds]
        model.col_upper_ = [float(each.maximum) for each in bounds]
        model.integrality_ = [self.package.HighsVarType.kInteger] * len(bounds)
        model.row_lower_ = [_row_bound(each, each.minimum, -1) for each in constraints]
        model.row_upper_ = [_row_bound(each, each.maximum, 1) for each in constraints]
        matrix = model.a_matrix_
        matrix.format_ = self.package.MatrixFormat.kRowwise
        matrix.start_ = _row_starts(constraints)
        matrix.index_ = [variable for each in constraints for variable in each.terms]
        matrix.value_ = [float(factor) for each in constraints for factor in each.terms.values()]
        return model


def _extreme(bounds: Bounds, factor: int) -> int:
    """The value of a variable that maximises its term."""
    return bounds.maximum if factor > 0 else bounds.minimum


def _row_bound(constraint: LinearConstraint, bound: int | None, side: int) -> float:
    """The lower (`side` -1) or upper (1) bound of a constraint for HiGHS.

    If coefficients are large, the bound is relaxed by one half: no integer lies in between, and
    rounding errors do not make HiGHS reject sums that meet the bound exactly.
    """
    if bound is None:
        return side * math.inf
    large = max(map(abs, constraint.terms.values()), default=0) > _LARGE
    return bound + side * 0.5 if large else float(bound)


def _row_starts(constraints: Sequence[LinearConstraint]) -> list[int]:
    starts = [0]
    for constraint in constraints:
        starts.append(starts[-1] + len(constraint.terms))
    return starts
