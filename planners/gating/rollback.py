"""Rollback: when a failed rollout is rolled back (`onFailure: rollback`), and what is restored.

Git records that a rollback has begun (`Snapshot.rolled_back`): it is completed even if the failed
units recover in the meantime, and begins only once for a revision.
"""

from collections.abc import Iterable, Mapping, Sequence

from planners.gating.change_sets import ChangeSet
from planners.gating.dependencies import (
    GatingContext,
    dependencies,
    failed,
    step_pending,
    tolerated,
)
from planners.model import Component, OnFailure, Stage, Unit
from planners.model.gates import NotReadyReason, PendingUnit
from planners.model.snapshot import PreviousDeployment, Snapshot
from planners.order import Wave, levels
from planners.plan import Plan

BACK = "rollback"
TAKEN_AWAY = "rollback-remove"


def failures(
    snapshot: Snapshot, plan: Plan, changes: Sequence[ChangeSet]
) -> tuple[PendingUnit, ...]:
    """What of this very revision failed so that it has to be taken back; empty when nothing did.

    A cluster counts when it reports a unit failed that this revision changed, more clusters of a
    step than it allows did, and the rollout says `onFailure: rollback`; or when a dependency that
    says so is overdue.
    """
    unmerged = {unit: change.wave.name for change in changes for unit in change.units}
    context = GatingContext(snapshot, plan, unmerged)
    found = list(_overdue(context, changes))
    if snapshot.application.on_failure is OnFailure.ROLLBACK:
        found += _failed(context)
    return tuple(dict.fromkeys(found))


def _failed(context: GatingContext) -> list[PendingUnit]:
    steps: dict[int, list[Wave]] = {}
    for wave in context.plan.waves:
        if not wave.removal:
            steps.setdefault(wave.step, []).append(wave)
    found = []
    for waves in steps.values():
        broken = [
            each
            for each in step_pending(context, waves)
            if each.reason is NotReadyReason.REPAIR and _is_ours(context.snapshot, each.unit)
        ]
        if len(failed(broken)) > tolerated(waves):
            found += broken
    return found


def _overdue(context: GatingContext, changes: Iterable[ChangeSet]) -> Iterable[PendingUnit]:
    for change in changes:
        for need, gate in dependencies(context, change) if not change.wave.removal else ():
            if need.on_failure is OnFailure.ROLLBACK:
                yield from (each for each in gate.pending if each.overdue)


def _is_ours(snapshot: Snapshot, unit: Unit) -> bool:
    change = snapshot.base.changes.get(unit)
    return change is not None and change.source == snapshot.revision.sha


def restore(snapshot: Snapshot, earlier: PreviousDeployment, why: tuple[PendingUnit, ...]) -> Plan:
    """The plan that brings back every file of the earlier rollout as it was, byte for byte.

    What depends on a component goes back before it, on all clusters at once; what the revision had
    added goes last. A wave's name follows from its level, so that it stays while others merge.
    """
    clusters = {each.name for each in snapshot.clusters}
    here = {unit for unit in earlier.entries if unit.cluster in clusters}
    gone = {unit for unit in snapshot.base.entries if unit.cluster in clusters} - here
    components = snapshot.application.components
    back, last = _waves(BACK, components, here, 0)
    away, _ = _waves(TAKEN_AWAY, components, gone, last)
    return Plan(
        application=snapshot.application.name,
        revision=snapshot.revision,
        fleet_revision=snapshot.fleet_revision,
        deploy=snapshot.registration.deploy,
        waves=(*back, *away),
        trace=(),
        restores=earlier.revision,
        failures=why,
    )


def _waves(
    name: str, components: Sequence[Component], units: Iterable[Unit], step: int
) -> tuple[tuple[Wave, ...], int]:
    level: Mapping[str, int] = levels(components)
    top = max(level.values(), default=-1) + 1
    members: dict[int, list[Unit]] = {}
    for unit in sorted(units):
        members.setdefault(top - level.get(unit.component, top), []).append(unit)
    made = tuple(
        Wave(
            f"{name}.{number + 1}",
            Stage(name),
            step + number,
            number,
            tuple(members[number]),
            removal=name == TAKEN_AWAY,
        )
        for number in sorted(members)
    )
    return made, step + top + 1
