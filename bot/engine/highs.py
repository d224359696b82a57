"""The only door to HiGHS, which finds optimal placements. Called by the composition root.

HiGHS comes with the extra `optimal` and is imported when it is first asked for, so that everything
else runs without it. One thread, a fixed seed and a limit on nodes instead of the clock: the same
program gets the same answer on a machine of any speed.
"""

import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from planners.optimizer.solver import (
    IntegerProgram,
    LinearConstraint,
    Solver,
    SolverError,
    SolverResult,
)

NODES = 10_000
"""Branch-and-bound nodes after which a search ends with the best it has."""

_LARGE = 1000
_SETTINGS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "threads": 1,
    "parallel": "off",
    "random_seed": 0,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.5,  # goals are whole numbers: what is less than one apart is equal
}


class SolverMissingError(Exception):
    """The package with the solver is not installed."""


def load(nodes: int = NODES) -> Solver:
    """HiGHS, limited to so many branch-and-bound nodes for each question.

    Raises:
        SolverMissingError: the extra `optimal` is not installed.
    """
    try:
        import highspy  # noqa: PLC0415 - an extra, imported when it is needed
    except ImportError as missing:
        raise SolverMissingError(
            "an optimal placement needs a solver that is not installed: "
            "run `pip install switchyard[optimal]`, or choose another strategy"
        ) from missing
    return Highs(highspy, nodes)


class Highs:
    """HiGHS (https://highs.dev) behind the protocol of the core."""

    def __init__(self, package: ModuleType, nodes: int) -> None:
        self.package: Any = package
        self.nodes = nodes

    def maximise(self, program: IntegerProgram) -> SolverResult:
        """The values with the greatest goal.

        Raises:
            SolverError: HiGHS refuses the program, or ends in a way that is no answer.
        """
        if not program.bounds:
            return SolverResult(
                () if all(row.holds(()) for row in program.rows) else None, 0, finished=True
            )
        model = self.package.Highs()
        for name, setting in {**_SETTINGS, "mip_max_nodes": self.nodes}.items():
            model.setOptionValue(name, setting)
        if model.passModel(self._written(program)) == self.package.HighsStatus.kError:
            raise SolverError("HiGHS refuses the program")
        if program.hint:
            start = self.package.HighsSolution()
            start.col_value = [float(number) for number in program.hint]
            model.setSolution(start)
        model.run()
        return self._read(program, model)

    def _read(self, program: IntegerProgram, model: Any) -> SolverResult:
        states = self.package.HighsModelStatus
        state, info = model.getModelStatus(), model.getInfo()
        if state in (states.kInfeasible, states.kUnboundedOrInfeasible):  # all bounds are finite
            return SolverResult(None, 0, finished=True)
        if state not in (states.kOptimal, states.kSolutionLimit):
            raise SolverError(f"HiGHS ended with {model.modelStatusToString(state)}")
        most = sum(
            factor * program.bounds[variable][factor > 0]
            for variable, factor in program.goal.items()
        )
        bound = info.mip_dual_bound
        if math.isfinite(bound):
            most = min(most, math.floor(bound + 0.001))
        if info.primal_solution_status != self.package.SolutionStatus.kSolutionStatusFeasible:
            return SolverResult(None, most, finished=False)
        values = tuple(round(number) for number in model.getSolution().col_value)
        return SolverResult(values, most, finished=state == states.kOptimal)

    def _written(self, program: IntegerProgram) -> Any:
        written = self.package.HighsLp()
        written.num_col_, written.num_row_ = len(program.bounds), len(program.rows)
        written.sense_ = self.package.ObjSense.kMaximize
        written.col_cost_ = [float(program.goal.get(at, 0)) for at in range(len(program.bounds))]
        written.col_lower_ = [float(least) for least, _ in program.bounds]
        written.col_upper_ = [float(most) for _, most in program.bounds]
        written.integrality_ = [self.package.HighsVarType.kInteger] * len(program.bounds)
        written.row_lower_ = [_edge(row, row.least, -1) for row in program.rows]
        written.row_upper_ = [_edge(row, row.most, 1) for row in program.rows]
        matrix = written.a_matrix_
        matrix.format_ = self.package.MatrixFormat.kRowwise
        matrix.start_ = _starts(program.rows)
        matrix.index_ = [variable for row in program.rows for variable in row.terms]
        matrix.value_ = [float(factor) for row in program.rows for factor in row.terms.values()]
        return written


def _edge(row: LinearConstraint, edge: int | None, side: int) -> float:
    """A limit of a row as HiGHS takes it.

    Where terms are large, half of one is added: no whole numbers lie between, and floats of that
    size do not then come out on the wrong side of an edge that is met exactly.
    """
    if edge is None:
        return side * math.inf
    large = max(map(abs, row.terms.values()), default=0) > _LARGE
    return edge + side * 0.5 if large else float(edge)


def _starts(rows: Sequence[LinearConstraint]) -> list[int]:
    starts = [0]
    for row in rows:
        starts.append(starts[-1] + len(row.terms))
    return starts
