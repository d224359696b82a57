"""Evaluates the gates of every wave, and derives the effects that are due now.

Waves are evaluated independently, and no result of an earlier pass is stored: the same facts always
lead to the same effects (level-triggered, like a Kubernetes controller).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from planners.gating import dependencies, effects, merge_requests, updates
from planners.gating.change_sets import ChangeSet
from planners.gating.declared_gates import DeclaredGates, Judged
from planners.gating.effects import Effect
from planners.gating.readiness import ReadinessRequirement, stale_at
from planners.model import DependencyCondition, PlanProblem
from planners.model.gates import (
    AwaitsAddress,
    BehindTarget,
    Cancelled,
    Gate,
    InvalidPlan,
    PendingUnit,
    RefusedByForge,
    next_check,
)
from planners.model.snapshot import MergeRequest, MergeRequestState, Snapshot
from planners.plan import Plan
from planners.rules.decide import due_times
from planners.rules.deviations import choosing

SIGNALS_ARE_READ, CLUSTERS_ARE_MISSED = timedelta(minutes=1), timedelta(minutes=5)
"""How often rules are looked at, where nothing says that a signal has changed."""


class WaveState(StrEnum):
    """The progress of a wave."""

    WAITING = "waiting"
    CANCELLED = "cancelled"
    MERGING = "merging"
    SETTLING = "settling"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class WaveStatus:
    """A wave's change, its merge request, and every reason why it waits.

    A merged wave is SETTLING while `pending` units are not ready or gates after it are closed, then
    DONE. A CANCELLED one will not be merged. `asks` are the questions to declared gates that are
    due. `merged`: this revision changed it, and all of that is merged; else it had no changes.
    """

    change: ChangeSet
    state: WaveState
    merge_request: MergeRequest | None
    gates: tuple[Gate, ...] = ()
    pending: tuple[PendingUnit, ...] = ()
    asks: tuple[effects.AskGate, ...] = ()
    merged: bool = False

    @property
    def awaits_address(self) -> bool:
        """Whether all that is left of it waits for an address, without which it has no files."""
        return any(isinstance(each, AwaitsAddress) for each in self.gates)

    @property
    def is_left(self) -> bool:
        """Whether something is left to merge."""
        return bool(self.change.files) or self.awaits_address


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The status of every wave, the effects that are due, and whether a command can roll back."""

    wave_statuses: tuple[WaveStatus, ...]
    effects: tuple[Effect, ...]
    can_roll_back: bool = False

    @property
    def done(self) -> bool:
        """Whether every wave is merged and ready."""
        return all(wave_status.state is WaveState.DONE for wave_status in self.wave_statuses)


def evaluate(snapshot: Snapshot, plan: Plan, changes: Sequence[ChangeSet]) -> Evaluation:
    """Evaluate every wave; at most one merge is due, so that each is decided on fresh facts."""
    context = dependencies.GatingContext.of(snapshot, plan, changes)
    declared = DeclaredGates.of(context, changes)
    statuses = _in_turn(snapshot, [_wave_status(context, declared, each) for each in changes])
    can_roll_back = plan.restores is None and snapshot.can_roll_back
    if snapshot.cancelled is not None:
        closing = merge_requests.propose(snapshot, ())
        return Evaluation(statuses, (*_cancelled_statuses(statuses), *closing), can_roll_back)
    waiting = {each.change.wave.name for each in statuses if each.awaits_address}
    due: list[Effect] = list(merge_requests.propose(snapshot, changes, waiting))
    merged = False
    for status in statuses:
        if status.merge_request is None or not status.is_left:
            continue
        due += _order_statuses(status.merge_request, status.gates)
        if status.gates == (BehindTarget(),):
            due.append(merge_requests.rebuild(snapshot, status.change, status.merge_request))
        if not status.gates and not merged:
            due.append(_merge(snapshot, status.change, status.merge_request))
            merged = True
    gone = [each for wave in declared.merged_removals() for each in declared.after(wave)]
    due += _asks(statuses, gone)
    gates = [*(gate for status in statuses for gate in status.gates), *_closed(gone)]
    return Evaluation(statuses, (*due, *_requeue(snapshot, gates)), can_roll_back)


def refuse(snapshot: Snapshot, problem: PlanProblem) -> Evaluation:
    """The evaluation of a plan with problems: no open merge request may merge, whoever tries."""
    gates = (InvalidPlan(str(problem)),)
    opened = (each for each in snapshot.merge_requests if each.state is MergeRequestState.OPEN)
    return Evaluation(
        (), tuple(each for request in opened for each in _order_statuses(request, gates))
    )


def _order_statuses(request: MergeRequest, closed: Iterable[Gate]) -> Iterator[Effect]:
    """The required status of the head and of the merge queue's commits.

    What the forge itself decides about does not count.
    """
    gates = tuple(each for each in closed if not isinstance(each, BehindTarget | RefusedByForge))
    for commit in (request.head, *request.merge_queue_commits):
        yield effects.SetOrderStatus(request.number, commit, gates)


def _merge(snapshot: Snapshot, change: ChangeSet, request: MergeRequest) -> effects.Merge:
    methods = (each.merge_method for each in snapshot.policies if each.merge_method)
    return effects.Merge(request.number, request.head, change, next(methods, None))


def _cancelled_statuses(statuses: Sequence[WaveStatus]) -> Iterator[Effect]:
    """Mark each merge request as cancelled before it is closed."""
    for status in statuses:
        if status.merge_request is not None and status.gates:
            request = status.merge_request
            yield effects.SetOrderStatus(request.number, request.head, status.gates)


def _asks(statuses: Sequence[WaveStatus], gone: Sequence[Judged]) -> list[effects.AskGate]:
    """Each question that is due, once: several waves may wait for the same one."""
    asked = [*(ask for status in statuses for ask in status.asks), *_due(gone)]
    return list({each.id: each for each in asked}.values())


def _wave_status(
    context: dependencies.GatingContext, declared: DeclaredGates, change: ChangeSet
) -> WaveStatus:
    request = merge_requests.open_request(context.snapshot, change.wave.name)
    addresses = tuple(dependencies.awaited_addresses(context.plan, change.wave))
    if addresses and not change.files and context.snapshot.cancelled is None:
        return WaveStatus(change, WaveState.WAITING, request, addresses)
    if not change.files:
        return _merged_status(context, declared, change, request)
    cancelled = context.snapshot.cancelled
    if cancelled is not None:
        gate = Cancelled(cancelled.by, cancelled.reason)
        return WaveStatus(change, WaveState.CANCELLED, request, (gate,))
    held = tuple(declared.holding(change))
    gates: tuple[Gate, ...] = (
        *merge_requests.closed_gates(context.snapshot, change, request),
        *dependencies.closed_gates(context, change, request),
        *_closed(held),
    )
    before = tuple(declared.before(change, request, gates))
    gates = (*gates, *_closed(before))
    state = WaveState.WAITING if gates else WaveState.MERGING
    if not gates and request is not None:
        gates = updates.forge_gates(context.snapshot, request)
    return WaveStatus(change, state, request, gates, asks=_due((*held, *before)))


def _merged_status(
    context: dependencies.GatingContext,
    declared: DeclaredGates,
    change: ChangeSet,
    request: MergeRequest | None,
) -> WaveStatus:
    pending = _pending_units(context, change)
    after = tuple(declared.after(change.wave))
    gates = _closed(after)
    state = WaveState.SETTLING if pending or gates else WaveState.DONE
    merged = _is_of_revision(context.snapshot, change)
    return WaveStatus(change, state, request, gates, pending, _due(after), merged)


def _is_of_revision(snapshot: Snapshot, change: ChangeSet) -> bool:
    """Whether a merge of this revision, or of its rollback, changed one of the units."""
    found = (snapshot.base.changes.get(unit) for unit in change.wave.units)
    return any(each and snapshot.revision.sha in (each.source, each.rolls_back) for each in found)


def _closed(judged: Iterable[Judged]) -> tuple[Gate, ...]:
    return tuple(each.gate for each in judged if each.gate is not None)


def _due(judged: Iterable[Judged]) -> tuple[effects.AskGate, ...]:
    return tuple(each.ask for each in judged if each.ask is not None)


def _in_turn(snapshot: Snapshot, statuses: Sequence[WaveStatus]) -> tuple[WaveStatus, ...]:
    """Of the waves behind main, all but one wait for another wave."""
    waves = {
        each.change.wave.name: (each.merge_request, each.gates)
        for each in statuses
        if each.state is WaveState.MERGING and each.merge_request is not None
    }
    first = updates.next_wave(snapshot, waves)
    return tuple(
        replace(each, gates=(BehindTarget(first),))
        if each.gates == (BehindTarget(),) and each.change.wave.name != first
        else each
        for each in statuses
    )


def _pending_units(
    context: dependencies.GatingContext, change: ChangeSet
) -> tuple[PendingUnit, ...]:
    """The units of a merged wave that are not ready."""
    if change.wave.removal:
        return ()
    required = ReadinessRequirement(DependencyCondition.READY)
    return context.pending(context.snapshot, change.wave.units, required, {})


def _requeue(snapshot: Snapshot, gates: Sequence[Gate]) -> Iterator[Effect]:
    """Another pass at the next time when time alone changes the evaluation."""
    times = [next_check(gate) for gate in gates]
    times += [each.until for each in snapshot.application.exceptions]
    times += [stale_at(snapshot, *each) for each in snapshot.observations.items()]
    if snapshot.application.rules:
        times += [snapshot.now + SIGNALS_ARE_READ, *due_times(snapshot)]
    elif any(each.failover for each in snapshot.policies) and choosing(snapshot.application):
        times += [snapshot.now + CLUSTERS_ARE_MISSED, *due_times(snapshot)]
    later = [time for time in times if time is not None and time > snapshot.now]
    if later:
        yield effects.RequeueAt(min(later))
