"""Gates that the state of other units sets for a wave: dependencies, steps and replacements.

Also combines them with holds, pauses, and the gates of `approvals`. Called by `evaluate`.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from planners.connect import called
from planners.gate_jobs import job_rules
from planners.gating import approvals
from planners.gating.change_sets import ChangeSet
from planners.gating.offline import is_away, offline_clusters, without_away
from planners.gating.readiness import ReadinessRequirement, not_ready
from planners.model import Dependency, DependencyCondition, DependencyScope, OnFailure, Unit
from planners.model.gates import (
    OVERRIDABLE,
    AwaitsAddress,
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
from planners.order import ROLLBACK_GATES, Wave
from planners.plan import Plan

HOLD_LABEL = "switchyard/hold"
ROLLBACK_TIMEOUT = timedelta(minutes=5)
"""How long a step of a rollback waits for the step before it; it waits for gates without limit."""
COMPLETED = ReadinessRequirement(DependencyCondition.READY)


@dataclass(frozen=True, slots=True)
class StepReadiness:
    """A step's label, and its pending units beyond the tolerated failures."""

    label: str
    pending: tuple[PendingUnit, ...]


@dataclass(frozen=True, slots=True)
class BlockedDependency:
    """A dependency that is not satisfied, and the gate that it closes."""

    dependency: Dependency
    gate: AwaitsDependency


@dataclass(frozen=True, slots=True)
class GatingContext:
    """The input for the gates of all waves.

    `unmerged` maps units with a change to their wave, also those whose change waits for an address.
    `offline` are the clusters that are not waited for, with the time of their last report.
    `only_rules`: nothing but what rules caused is left to merge. Results that all waves of a step
    share are cached.
    """

    snapshot: Snapshot
    plan: Plan
    unmerged: Mapping[Unit, str]
    offline: Mapping[str, datetime]
    only_rules: bool = False
    _reached: dict[int, dict[str, tuple[Unit, ...]]] = field(default_factory=dict)
    _steps: dict[int, StepReadiness] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot, plan: Plan, changes: Iterable[ChangeSet]) -> "GatingContext":
        """The context of a plan whose `changes` are not merged yet."""
        changes = tuple(changes)
        unmerged = {unit: change.wave.name for change in changes for unit in change.units}
        if plan.awaited:
            unmerged |= {
                unit: change.wave.name
                for change in changes
                for unit in change.wave.units
                if unit in plan.awaited
            }
        only_rules = all(change.ruled.alone for change in changes if change.files)
        offline = offline_clusters(snapshot, plan.units)
        return cls(snapshot, plan, unmerged, offline, only_rules)

    def reached(self, step: int) -> dict[str, tuple[Unit, ...]]:
        """The units of each component that others need, in all steps up to and including `step`."""
        if step not in self._reached:
            self._reached[step] = self._reach(step)
        return self._reached[step]

    def _reach(self, step: int) -> dict[str, tuple[Unit, ...]]:
        components = self.snapshot.application.components
        needed = {need.component for each in components for need in each.depends_on}
        by_component: dict[str, list[Unit]] = {}
        for wave in self.plan.waves:
            if wave.step <= step and not wave.removal:
                for unit in wave.units:
                    if unit.component in needed:
                        by_component.setdefault(unit.component, []).append(unit)
        return {name: tuple(sorted(units)) for name, units in by_component.items()}

    def step(self, number: int) -> StepReadiness:
        """The readiness of a step."""
        if number not in self._steps:
            waves = [
                wave
                for wave in self.plan.waves
                if wave.step == number and not wave.removal and not wave.by_rule
            ]
            units = tuple(unit for wave in waves for unit in wave.units)
            pending = tuple(without_away(units, step_pending(self, waves))[1])
            failed = failed_clusters(pending)
            if len(failed) <= tolerated_failures(waves):
                pending = tuple(each for each in pending if each.unit.cluster not in failed)
            label = waves[0].name.rpartition(".")[0] if waves else ""
            self._steps[number] = StepReadiness(label, pending)
        return self._steps[number]

    def not_ready(
        self, units: Iterable[Unit], required: ReadinessRequirement
    ) -> tuple[PendingUnit, ...]:
        """The units that do not meet the requirement, in order; skipped clusters are left out."""
        skipped = self.snapshot.overrides.skipped
        units = (unit for unit in units if unit.cluster not in skipped)
        return self.pending(self.snapshot, units, required, self.unmerged)

    def pending(
        self,
        snapshot: Snapshot,
        units: Iterable[Unit],
        required: ReadinessRequirement,
        unmerged: Mapping[Unit, str],
    ) -> tuple[PendingUnit, ...]:
        """The units that do not meet the requirement, in order.

        Of those that are merged on an offline cluster, that is the reason, and nothing is overdue.
        """
        results = (not_ready(snapshot, unit, required, unmerged) for unit in units)
        found = tuple([each for each in results if each is not None])
        return tuple(map(self._explained, found)) if self.offline else found

    def _explained(self, pending: PendingUnit) -> PendingUnit:
        since = self.offline.get(pending.unit.cluster)
        if since is None or pending.reason is NotReadyReason.MERGE:
            return pending
        message = f"offline since {since:%Y-%m-%d %H:%M}"
        return PendingUnit(pending.unit, NotReadyReason.OFFLINE, message)


def closed_gates(
    context: GatingContext, change: ChangeSet, request: MergeRequest | None
) -> Iterator[Gate]:
    """The closed gates of a wave that no command overrides; gates for people come last."""
    wave, overrides = change.wave.name, context.snapshot.overrides
    overridden = tuple(
        kind
        for each in overrides.gate_overrides
        if each.wave in {"", wave}
        for kind in OVERRIDABLE.get(each.gate, ())
    )
    for gate in _gates(context, change, request):
        if not isinstance(gate, overridden):
            yield gate


def _gates(
    context: GatingContext, change: ChangeSet, request: MergeRequest | None
) -> Iterator[Gate]:
    if context.plan.restores is not None:
        yield from _rollback_steps(context, change)
    elif change.wave.removal:
        yield from _replacement(context, change)
    else:
        yield from (each.gate for each in blocked_dependencies(context, change))
        yield from _earlier_steps(context, change)
    yield from approvals.freezes(context.snapshot, change)
    yield from approvals.windows(context.snapshot, change)
    for hold in context.snapshot.overrides.holds:
        if hold.target in {"", change.wave.name, *change.clusters}:
            yield HeldByCommand(hold.by, hold.reason, hold.target)
    tenant = context.snapshot.tenant.name
    targets = {f"tenant/{tenant}", *(f"cluster/{name}" for name in change.clusters)}
    for pause in context.snapshot.overrides.pauses:
        if pause.target in targets:
            yield PausedByCommand(pause.by, pause.reason, pause.target)
    if request is not None and HOLD_LABEL in request.labels:
        yield HeldByLabel(HOLD_LABEL)
    yield from approvals.approvals(
        context.snapshot, change, request, context.plan, alone=context.only_rules
    )


def awaited_addresses(plan: Plan, wave: Wave) -> Iterator[AwaitsAddress]:
    """The addresses for which units of a wave wait."""
    units = tuple(unit for unit in wave.units if unit in plan.awaited) if plan.awaited else ()
    if units and not wave.removal:
        found = dict.fromkeys(each for unit in units for each in plan.awaited[unit])
        yield AwaitsAddress(units, tuple(found))


def blocked_dependencies(context: GatingContext, change: ChangeSet) -> Iterator[BlockedDependency]:
    """The dependencies of a wave's components that are not satisfied."""
    reached, opened = context.reached(change.wave.step), _opened(context, change.wave)
    by_component: dict[str, list[str]] = {}
    for unit in sorted(change.units):
        by_component.setdefault(unit.component, []).append(unit.cluster)
    for component in context.snapshot.application.components:
        clusters = by_component.get(component.name, [])
        for dependency in component.depends_on if clusters else ():
            if dependency.application is not None:
                yield from _upstream(context, component.name, dependency, clusters)
                continue
            if dependency.component in opened:
                continue
            targets = reached.get(dependency.component, ())
            if dependency.on is DependencyScope.SAME_CLUSTER:
                here = frozenset(clusters)
                targets = tuple(unit for unit in targets if unit.cluster in here)
            elif dependency.on is DependencyScope.CALLED_CLUSTERS:
                targets = called(targets, clusters)
            pending = context.not_ready(targets, _requirement(dependency))
            yield from _blocked(component.name, dependency, targets, pending)


def _requirement(dependency: Dependency) -> ReadinessRequirement:
    return ReadinessRequirement(dependency.when, dependency.soak, dependency.timeout)


def _upstream(
    context: GatingContext, component: str, dependency: Dependency, clusters: Sequence[str]
) -> Iterator[BlockedDependency]:
    """A dependency on another application, as merged on its default branch."""
    assert dependency.application is not None
    upstream = context.snapshot.upstream_applications.get(
        dependency.application, UpstreamApplication()
    )
    units = sorted(unit for unit in upstream.changes if unit.component == dependency.component)
    if dependency.on is DependencyScope.SAME_CLUSTER:
        units = [Unit(dependency.component, name) for name in clusters]
    absent = tuple(
        PendingUnit(unit, NotReadyReason.ABSENT) for unit in units if unit not in upstream.changes
    )
    if not units:
        anywhere = Unit(dependency.component, "any cluster")
        absent = (PendingUnit(anywhere, NotReadyReason.ABSENT),)
    view = replace(
        context.snapshot,
        base=replace(context.snapshot.base, changes=upstream.changes),
        observations=upstream.observations,
    )
    required = _requirement(dependency)
    present = [unit for unit in units if unit in upstream.changes]
    pending = absent + context.pending(view, present, required, {})
    yield from _blocked(component, dependency, units or [each.unit for each in absent], pending)


def _blocked(
    component: str, dependency: Dependency, units: Sequence[Unit], pending: Sequence[PendingUnit]
) -> Iterator[BlockedDependency]:
    """The dependency if fewer of its target `units` are ready than it needs.

    Those on offline clusters count only where there are no others. On the same cluster they never
    do: there, nobody sees the order before the cluster is back.
    """
    if dependency.on is DependencyScope.SAME_CLUSTER:
        away = {each.unit for each in pending if is_away(each)}
        units = [unit for unit in units if unit not in away]
        pending = [each for each in pending if not is_away(each)]
    units, pending = without_away(units, pending)
    targets = len(units)
    if dependency.on_failure is OnFailure.CONTINUE:
        pending = [each for each in pending if not each.overdue]
    reached = targets - len(pending)
    needed = targets
    if dependency.on is DependencyScope.ANY_CLUSTER:
        needed = min(1, targets)
    elif dependency.quorum is not None:
        needed = min(dependency.quorum, targets)
    if reached < needed:
        gate = AwaitsDependency(
            component=component,
            dependency=str(dependency),
            when=dependency.when,
            on=dependency.on,
            pending=tuple(pending),
            needed=needed,
            reached=reached,
        )
        yield BlockedDependency(dependency, gate)


def _earlier_steps(context: GatingContext, change: ChangeSet) -> Iterator[Gate]:
    """All units of the application in earlier steps must be ready, changed or not.

    Of the steps that are not ready the first and the last are named: the one that everything waits
    for, and the one it comes after. A gate for each would take a text for each pair of steps.

    What rules add does not wait for them when that is all: where they bring no other content.
    """
    if change.wave.by_rule and context.only_rules:
        return
    steps = map(context.step, range(change.wave.step))
    closed = [step for step in steps if step.pending]
    for step in closed[:1] + closed[1:][-1:]:
        yield AwaitsStep(step.label, step.pending)


def step_pending(context: GatingContext, waves: Iterable[Wave]) -> tuple[PendingUnit, ...]:
    """The units of a step's waves that are not ready."""
    return tuple(
        pending
        for wave in waves
        for pending in context.not_ready(
            wave.units, ReadinessRequirement(DependencyCondition.READY, wave.stage.soak)
        )
    )


def failed_clusters(pending: Iterable[PendingUnit]) -> frozenset[str]:
    """The clusters that report a failure, or stopped reporting."""
    reasons = {NotReadyReason.REPAIR, NotReadyReason.FRESH_REPORT}
    return frozenset(each.unit.cluster for each in pending if each.reason in reasons)


def tolerated_failures(waves: Sequence[Wave]) -> int:
    """The number of clusters of a step that may fail."""
    if not waves:
        return 0
    stage = waves[0].stage
    if stage.max_failures_percent is None:
        return stage.max_failures
    clusters = {unit.cluster for wave in waves for unit in wave.units}
    return len(clusters) * stage.max_failures_percent // 100


def _rollback_steps(context: GatingContext, change: ChangeSet) -> Iterator[Gate]:
    """In a rollback dependants are restored first; each step waits a limited time for the last."""
    required = ReadinessRequirement(DependencyCondition.APPLIED, timeout=ROLLBACK_TIMEOUT)
    opened = _opened(context, change.wave)
    for wave in context.plan.waves:
        if wave.step < change.wave.step:
            needs = COMPLETED if wave.stage.name in ROLLBACK_GATES else required
            units = [unit for unit in wave.units if unit.component not in opened]
            pending = context.not_ready(units, needs)
            in_time = tuple(each for each in pending if not each.overdue and not is_away(each))
            if in_time:
                yield AwaitsStep(wave.name, in_time)


def _replacement(context: GatingContext, change: ChangeSet) -> Iterator[Gate]:
    """A removal waits for all planned units, and for the removal of dependants."""
    required = ReadinessRequirement(DependencyCondition.READY)
    opened = _opened(context, change.wave)
    pending = _unready_replacements(context, required, opened)
    dependants = (
        unit
        for wave in context.plan.waves
        if wave.removal and wave.level < change.wave.level
        for unit in wave.units
        if unit in context.unmerged
    )
    pending += context.not_ready(dependants, required)
    pending += _remaining_applications(context.snapshot, change)
    if pending:
        yield AwaitsReplacement(pending)


def _opened(context: GatingContext, wave: Wave) -> frozenset[str]:
    """The gates that run in the cluster, and that a command opened for a wave."""
    snapshot = context.snapshot
    given = {e.gate for e in snapshot.overrides.gate_overrides if e.wave in {"", wave.name}}
    return frozenset(each.name for each in job_rules(snapshot.application) if each.name in given)


def _unready_replacements(
    context: GatingContext, required: ReadinessRequirement, opened: Container[str]
) -> tuple[PendingUnit, ...]:
    """The planned units that are not ready; of each component, offline ones may be left out."""
    by_component: dict[str, list[Unit]] = {}
    for unit in context.plan.units:
        if unit.component not in opened:
            by_component.setdefault(unit.component, []).append(unit)
    return tuple(
        each
        for units in by_component.values()
        for each in without_away(units, context.not_ready(units, required))[1]
    )


def _remaining_applications(snapshot: Snapshot, change: ChangeSet) -> tuple[PendingUnit, ...]:
    """The units of a tenant's applications on clusters from which its set-up is removed."""
    if not snapshot.application.is_tenant_setup:
        return ()
    return tuple(
        PendingUnit(Unit(claim.component, cluster), NotReadyReason.PRESENT, claim.application)
        for claim in snapshot.claims
        if claim.tenant == snapshot.tenant.name
        and claim.application != snapshot.application.name
        and claim.merged_at is not None
        for cluster in claim.clusters
        if cluster in change.clusters
    )
