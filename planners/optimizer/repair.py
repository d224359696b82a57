"""Repairs and improves the placement of one component after the other: the default strategy.

Where no placement satisfies all rules, the problem says so and why. The effort is bounded by
counts, so that the result is the same on every machine.
"""

from collections.abc import Mapping

from planners.model import Unit
from planners.model.requests import WorkloadRequests
from planners.model.snapshot import Snapshot
from planners.optimizer.improve import improve
from planners.optimizer.infeasibility import explain_infeasibility, find_shortage
from planners.optimizer.joint import JointProblem
from planners.optimizer.problem import AssignmentProblem, check
from planners.optimizer.search import search
from planners.placement.allocation import Allocation
from planners.placement.evaluate import Evaluator
from planners.placement.groups import depends_on_others, placement_groups
from planners.placement.place import Placement, place
from planners.placement.verify import verify

RELAXED_NODES = 300
"""Assignments that are tried for each rule whose absence may make a placement possible."""


def place_all(
    snapshot: Snapshot,
    workloads: Mapping[Unit, tuple[WorkloadRequests, ...]],
    evaluator: Evaluator,
) -> Placement:
    """The placement of the default strategy, verified."""
    sequential = place(Allocation(snapshot, workloads), evaluator)
    groups = placement_groups(snapshot)
    verify(sequential, groups)
    if not any(map(depends_on_others, groups)):
        return sequential
    joint = JointProblem.of(sequential)
    if joint.placement.problems:
        return sequential
    if not sequential.problems:
        return _improved(sequential, joint)
    found = search(joint.problem)
    if found.chosen is None:
        reason = _reason(joint.problem, exhausted=found.exhausted)
        if reason:
            sequential.fail(joint.options[0].group, reason)
        return sequential
    every = range(len(joint.options))
    return joint.apply(improve(joint.problem, found.chosen, every))


def _improved(sequential: Placement, joint: JointProblem) -> Placement:
    """A better placement, as far as scores do not depend on where others are."""
    open_ = [each for each in joint.options if each.group.count is not None]
    open_ = [e for e in open_ if not e.is_saturated(sequential.assignments.get(e.index, ()))]
    if not any(each.is_static(sequential) for each in open_):
        return sequential
    start = joint.assignments(sequential)
    if check(joint.problem, start):
        return sequential
    movable = [at for at, option in enumerate(joint.options) if option.is_static(sequential)]
    chosen = improve(joint.problem, start, movable)
    return sequential if chosen == start else joint.apply(chosen)


def _reason(problem: AssignmentProblem, *, exhausted: bool) -> str | None:
    """Why there is no placement; None if the problems of single components say it."""
    if not exhausted:
        return (
            "no placement of all components was found within the search limit; `strategy: optimal` "
            "searches further"
        )
    alone = len({choice.component for choice in problem.choices}) == 1
    if alone or find_shortage(problem):
        return None
    return explain_infeasibility(problem, _is_feasible).reason


def _is_feasible(problem: AssignmentProblem) -> bool:
    return search(problem, RELAXED_NODES).chosen is not None
