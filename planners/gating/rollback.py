"""Rollback: when a failed rollout is rolled back (`onFailure: rollback`), and what is restored.

Git records that a rollback has begun (`Snapshot.rolled_back`): it is completed even if the failed
units recover in the meantime, and begins only once for a revision.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from planners.gate_jobs import rollback_rules
from planners.gating.change_sets import ChangeSet
from planners.gating.declared_gates import DeclaredGates
from planners.gating.dependencies import (
    GatingContext,
    blocked_dependencies,
    failed_clusters,
    step_pending,
    tolerated_failures,
)
from planners.model import Component, OnFailure, Stage, Unit
from planners.model.gate_rules import GatePhase, GateState
from planners.model.gates import NotReadyReason, PendingUnit
from planners.model.snapshot import PreviousDeployment, Snapshot
from planners.order import AFTER_ROLLBACK, BEFORE_ROLLBACK, Wave, gate_wave, levels
from planners.plan import Plan

RESTORE = "rollback"
REMOVE = "rollback-remove"


def failures(
    snapshot: Snapshot, plan: Plan, changes: Sequence[ChangeSet]
) -> tuple[PendingUnit, ...]:
    """The failed units because of which this revision must be rolled back; empty if none.

    Either `onFailure: rollback` is set for the rollout, and more clusters of a step than tolerated
    report a failure of units that this revision changed, or a gate after a wave has failed; or it
    is set for a dependency that is overdue.
    """
    context = GatingContext.of(snapshot, plan, changes)
    failed = list(_overdue_dependencies(context, changes))
    if snapshot.application.on_failure is OnFailure.ROLLBACK:
        failed += _failed_steps(context)
        failed += _failed_gates(context, changes)
    return tuple(dict.fromkeys(failed))


def _failed_steps(context: GatingContext) -> Iterator[PendingUnit]:
    """The failed units of every step with more failed clusters than it tolerates."""
    steps: dict[int, list[Wave]] = {}
    for wave in context.plan.waves:
        if not wave.removal:
            steps.setdefault(wave.step, []).append(wave)
    for waves in steps.values():
        failed = [
            each
            for each in step_pending(context, waves)
            if each.reason is NotReadyReason.REPAIR
            and _changed_by_revision(context.snapshot, each.unit)
        ]
        if len(failed_clusters(failed)) > tolerated_failures(waves):
            yield from failed


def _failed_gates(context: GatingContext, changes: Sequence[ChangeSet]) -> Iterator[PendingUnit]:
    """The units of waves after which a declared gate has failed."""
    declared = DeclaredGates.of(context, changes)
    for wave in context.plan.waves if declared.rules else ():
        failed = (
            each.gate
            for each in declared.after(wave)
            if each.gate is not None and each.gate.state is GateState.FAILED
        )
        for gate in failed if not wave.removal else ():
            told = gate.message or "no result in time"
            for unit in wave.units:
                if _changed_by_revision(context.snapshot, unit):
                    message = f"gate {gate.name} failed: {told}"
                    yield PendingUnit(unit, NotReadyReason.REPAIR, message)


def _overdue_dependencies(
    context: GatingContext, changes: Iterable[ChangeSet]
) -> Iterator[PendingUnit]:
    for change in changes:
        for blocked in blocked_dependencies(context, change) if not change.wave.removal else ():
            if blocked.dependency.on_failure is OnFailure.ROLLBACK:
                yield from (each for each in blocked.gate.pending if each.overdue)


def _changed_by_revision(snapshot: Snapshot, unit: Unit) -> bool:
    change = snapshot.base.changes.get(unit)
    return change is not None and change.source == snapshot.revision.sha


def restore(
    snapshot: Snapshot,
    previous: PreviousDeployment,
    failed: tuple[PendingUnit, ...],
    gates: Iterable[Unit] = (),
) -> Plan:
    """The plan that restores every file of the previous deployment, byte for byte.

    Dependants are restored before their dependencies, on all clusters at once; units that the
    revision added are removed last. A wave's name follows from its level, so that it does not
    change while others merge. `gates` run in the cluster before all of that, or between.
    """
    clusters, gates = {each.name for each in snapshot.clusters}, set(gates)
    restored = {unit for unit in previous.entries if unit.cluster in clusters} - gates
    added = {unit for unit in snapshot.base.entries if unit.cluster in clusters} - restored - gates
    components = snapshot.application.components
    first_removal = max(levels(components).values(), default=-1) + 3
    rules = rollback_rules(snapshot.application)
    early = {each.name for each in rules if each.phase is GatePhase.BEFORE}
    before = {unit for unit in gates if unit.component in early}
    return Plan(
        application=snapshot.application.name,
        revision=snapshot.revision,
        fleet_revision=snapshot.fleet_revision,
        deploy=snapshot.registration.deploy,
        waves=(
            *gate_wave(BEFORE_ROLLBACK, before, 0),
            *_waves(RESTORE, components, restored, 1),
            *gate_wave(AFTER_ROLLBACK, gates - before, first_removal - 1),
            *_waves(REMOVE, components, added, first_removal),
        ),
        trace=(),
        restores=previous.revision,
        failures=failed,
    )


def _waves(
    name: str, components: Sequence[Component], units: Iterable[Unit], first_step: int
) -> Iterator[Wave]:
    """One wave and step per level, in reverse order of dependencies."""
    level_of: Mapping[str, int] = levels(components)
    top = max(level_of.values(), default=-1) + 1
    members: dict[int, list[Unit]] = {}
    for unit in sorted(units):
        members.setdefault(top - level_of.get(unit.component, top), []).append(unit)
    for level in sorted(members):
        yield Wave(
            name=f"{name}.{level + 1}",
            stage=Stage(name),
            step=first_step + level,
            level=level,
            units=tuple(members[level]),
            removal=name == REMOVE,
        )
