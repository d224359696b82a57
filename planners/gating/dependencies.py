"""What a wave waits for in the world: its dependencies, earlier steps, approvals and freezes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from planners.gating import approvals
from planners.gating.change_sets import ChangeSet
from planners.gating.readiness import ReadinessRequirement, not_ready
from planners.model import Dependency, DependencyCondition, DependencyScope, OnFailure, Unit
from planners.model.gates import (
    OVERRIDABLE,
    AwaitsDependency,
    AwaitsReplacement,
    AwaitsStep,
    Gate,
    HeldByCommand,
    HeldByLabel,
    NotReadyReason,
    PausedByCommand,
    PendingUnit,
)
from planners.model.snapshot import MergeRequest, Snapshot, UpstreamApplication
from planners.order import Wave
from planners.plan import Plan

HOLD_LABEL = "switchyard/hold"
UNDO_TIMEOUT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class GatingContext:
    """What every question about a wave needs; `unmerged` maps units with a change to their wave.

    Answers that every wave of a step shares are remembered.
    """

    snapshot: Snapshot
    plan: Plan
    unmerged: Mapping[Unit, str]
    _reached: dict[int, dict[str, tuple[Unit, ...]]] = field(default_factory=dict)
    _pending: dict[int, tuple[str, tuple[PendingUnit, ...]]] = field(default_factory=dict)

    def reached(self, step: int) -> dict[str, tuple[Unit, ...]]:
        """Each component's units in the steps up to and including `step`."""
        if step not in self._reached:
            self._reached[step] = self._reach(step)
        return self._reached[step]

    def _reach(self, step: int) -> dict[str, tuple[Unit, ...]]:
        found: dict[str, list[Unit]] = {}
        for wave in self.plan.waves:
            if wave.step <= step and not wave.removal:
                for unit in wave.units:
                    found.setdefault(unit.component, []).append(unit)
        return {name: tuple(sorted(units)) for name, units in found.items()}

    def step(self, number: int) -> tuple[str, tuple[PendingUnit, ...]]:
        """A step's label, and what it lacks beyond the failures that it tolerates."""
        if number not in self._pending:
            mine = [w for w in self.plan.waves if w.step == number and not w.removal]
            pending = step_pending(self, mine)
            broken = failed(pending)
            if len(broken) <= tolerated(mine):
                pending = tuple(each for each in pending if each.unit.cluster not in broken)
            label = mine[0].name.rpartition(".")[0] if mine else ""
            self._pending[number] = (label, pending)
        return self._pending[number]

    def not_ready(
        self, units: Iterable[Unit], wanted: ReadinessRequirement
    ) -> tuple[PendingUnit, ...]:
        """What those units lack, in their order; clusters that were skipped lack nothing."""
        skipped = self.snapshot.overrides.skipped
        units = (unit for unit in units if unit.cluster not in skipped)
        found = (not_ready(self.snapshot, unit, wanted, self.unmerged) for unit in units)
        return tuple(pending for pending in found if pending is not None)


def closed_gates(
    context: GatingContext, change: ChangeSet, request: MergeRequest | None
) -> Iterator[Gate]:
    """The closed gates of a wave, those that only people can open last.

    Gates that somebody overrode are left out.
    """
    wave, overrides = change.wave.name, context.snapshot.overrides
    opened = tuple(
        kind
        for each in overrides.gate_overrides
        if each.wave in {"", wave}
        for kind in OVERRIDABLE.get(each.gate, ())
    )
    yield from (gate for gate in _gates(context, change, request) if not isinstance(gate, opened))


def _gates(
    context: GatingContext, change: ChangeSet, request: MergeRequest | None
) -> Iterator[Gate]:
    if context.plan.restores is not None:
        yield from _undone(context, change)
    elif change.wave.removal:
        yield from _replacement(context, change)
    else:
        yield from _dependencies(context, change)
        yield from _steps(context, change)
    yield from approvals.freezes(context.snapshot, change)
    yield from approvals.windows(context.snapshot, change)
    for hold in context.snapshot.overrides.holds:
        if hold.target in {"", change.wave.name, *change.clusters}:
            yield HeldByCommand(hold.by, hold.reason, hold.target)
    mine = {f"tenant/{context.snapshot.tenant.name}", *(f"cluster/{c}" for c in change.clusters)}
    for pause in context.snapshot.overrides.pauses:
        if pause.target in mine:
            yield PausedByCommand(pause.by, pause.reason, pause.target)
    if request is not None and HOLD_LABEL in request.labels:
        yield HeldByLabel(HOLD_LABEL)
    yield from approvals.approvals(context.snapshot, change, request, context.plan)


def _dependencies(context: GatingContext, change: ChangeSet) -> Iterator[Gate]:
    for _, gate in dependencies(context, change):
        yield gate


def dependencies(
    context: GatingContext, change: ChangeSet
) -> Iterator[tuple[Dependency, AwaitsDependency]]:
    """Each dependency that a wave waits for, and the gate that it closes."""
    reached = context.reached(change.wave.step)
    clusters: dict[str, list[str]] = {}
    for unit in sorted(change.units):
        clusters.setdefault(unit.component, []).append(unit.cluster)
    for component in context.snapshot.application.components:
        mine = clusters.get(component.name, [])
        for need in component.depends_on if mine else ():
            if need.application is not None:
                yield from _abroad(context, component.name, need, mine)
                continue
            targets = reached.get(need.component, ())
            if need.on is DependencyScope.SAME_CLUSTER:
                here = frozenset(mine)
                targets = tuple(unit for unit in targets if unit.cluster in here)
            pending = context.not_ready(targets, _wanted(need))
            yield from _edge(component.name, need, len(targets), pending)


def _wanted(need: Dependency) -> ReadinessRequirement:
    return ReadinessRequirement(need.when, need.soak, need.timeout)


def _abroad(
    context: GatingContext, component: str, need: Dependency, clusters: Sequence[str]
) -> Iterator[tuple[Dependency, AwaitsDependency]]:
    """A dependency on another application, as that stands on main."""
    assert need.application is not None
    found = context.snapshot.upstream_applications.get(need.application, UpstreamApplication())
    there = sorted(unit for unit in found.changes if unit.component == need.component)
    if need.on is DependencyScope.SAME_CLUSTER:
        there = [Unit(need.component, name) for name in clusters]
    absent = tuple(
        PendingUnit(unit, NotReadyReason.ABSENT) for unit in there if unit not in found.changes
    )
    if not there:
        absent = (PendingUnit(Unit(need.component, "any cluster"), NotReadyReason.ABSENT),)
    view = replace(
        context.snapshot,
        base=replace(context.snapshot.base, changes=found.changes),
        observations=found.observations,
    )
    judged = (not_ready(view, unit, _wanted(need), {}) for unit in there if unit in found.changes)
    pending = absent + tuple(each for each in judged if each is not None)
    yield from _edge(component, need, max(len(there), 1), pending)


def _edge(
    component: str, need: Dependency, targets: int, pending: Sequence[PendingUnit]
) -> Iterator[tuple[Dependency, AwaitsDependency]]:
    if need.on_failure is OnFailure.CONTINUE:
        pending = [each for each in pending if not each.overdue]
    reached = targets - len(pending)
    needed = targets
    if need.on is DependencyScope.ANY_CLUSTER:
        needed = min(1, targets)
    elif need.quorum is not None:
        needed = min(need.quorum, targets)
    if reached < needed:
        yield (
            need,
            AwaitsDependency(
                component, str(need), need.when, need.on, tuple(pending), needed, reached
            ),
        )


def _steps(context: GatingContext, change: ChangeSet) -> Iterator[Gate]:
    """Every unit of the application in an earlier step must be ready, changed or not."""
    for step in range(change.wave.step):
        label, pending = context.step(step)
        if pending:
            yield AwaitsStep(label, pending)


def step_pending(context: GatingContext, waves: Iterable[Wave]) -> tuple[PendingUnit, ...]:
    """What the units of one step still lack."""
    return tuple(
        pending
        for wave in waves
        for pending in context.not_ready(
            wave.units, ReadinessRequirement(DependencyCondition.READY, wave.stage.soak)
        )
    )


def failed(pending: Iterable[PendingUnit]) -> frozenset[str]:
    """The clusters that failed, or fell silent."""
    broken = {NotReadyReason.REPAIR, NotReadyReason.FRESH_REPORT}
    return frozenset(each.unit.cluster for each in pending if each.reason in broken)


def tolerated(waves: Sequence[Wave]) -> int:
    """How many clusters of a step may fail."""
    if not waves:
        return 0
    stage = waves[0].stage
    if stage.max_failures_percent is None:
        return stage.max_failures
    clusters = {unit.cluster for wave in waves for unit in wave.units}
    return len(clusters) * stage.max_failures_percent // 100


def _undone(context: GatingContext, change: ChangeSet) -> Iterator[Gate]:
    """In a rollback what depends on a component goes back before it; nobody is waited for long."""
    wanted = ReadinessRequirement(DependencyCondition.APPLIED, timeout=UNDO_TIMEOUT)
    for wave in context.plan.waves:
        if wave.step < change.wave.step:
            pending = [each for each in context.not_ready(wave.units, wanted) if not each.overdue]
            if pending:
                yield AwaitsStep(wave.name, tuple(pending))


def _replacement(context: GatingContext, change: ChangeSet) -> Iterator[Gate]:
    """Everything that should run is ready, and dependants are gone before what they need."""
    wanted = ReadinessRequirement(DependencyCondition.READY)
    pending = context.not_ready(context.plan.units, wanted)
    before = (
        unit
        for wave in context.plan.waves
        if wave.removal and wave.level < change.wave.level
        for unit in wave.units
        if unit in context.unmerged
    )
    pending += context.not_ready(before, wanted)
    pending += _inhabitants(context.snapshot, change)
    if pending:
        yield AwaitsReplacement(pending)


def _inhabitants(snapshot: Snapshot, change: ChangeSet) -> tuple[PendingUnit, ...]:
    """What still runs where a tenant's own set-up is taken away."""
    if not snapshot.application.is_tenant_setup:
        return ()
    return tuple(
        PendingUnit(claim.unit, NotReadyReason.PRESENT, claim.application)
        for claim in snapshot.claims
        if claim.tenant == snapshot.tenant.name
        and claim.application != snapshot.application.name
        and claim.merged_at is not None
        and claim.unit.cluster in change.clusters
    )
