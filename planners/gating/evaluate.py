"""Which effects are due now, and what the rest waits for. Last of the core's three steps.

Waves are judged one by one, each by its own gates; nothing here remembers an earlier pass, so the
same facts always lead to the same effects (level-triggered, like a Kubernetes controller).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from planners.gating import dependencies, effects, merge_requests
from planners.gating.change_sets import ChangeSet
from planners.gating.effects import Effect
from planners.gating.readiness import ReadinessRequirement, not_ready, stale_at
from planners.model import DependencyCondition
from planners.model.gates import Cancelled, Gate, PendingUnit, RefusedByForge, next_check
from planners.model.snapshot import MergeRequest, Snapshot
from planners.plan import Plan


class WaveState(StrEnum):
    """How far a wave is."""

    WAITING = "waiting"
    CANCELLED = "cancelled"
    MERGING = "merging"
    SETTLING = "settling"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class WaveStatus:
    """One wave as it stands: its change, its merge request and every reason why it waits.

    A wave with nothing left to merge is SETTLING while `pending` units are not ready, then DONE.
    One that is CANCELLED is merged no more.
    """

    change: ChangeSet
    state: WaveState
    merge_request: MergeRequest | None
    gates: tuple[Gate, ...] = ()
    pending: tuple[PendingUnit, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What `evaluate` answers."""

    wave_statuses: tuple[WaveStatus, ...]
    effects: tuple[Effect, ...]

    @property
    def done(self) -> bool:
        """Whether everything is merged and ready."""
        return all(wave_status.state is WaveState.DONE for wave_status in self.wave_statuses)


def evaluate(snapshot: Snapshot, plan: Plan, changes: Sequence[ChangeSet]) -> Evaluation:
    """Judge every wave; at most one merge is due in a pass, so that each sees a world read anew."""
    unmerged = {unit: change.wave.name for change in changes for unit in change.units}
    context = dependencies.GatingContext(snapshot, plan, unmerged)
    wave_statuses = tuple(_stand(context, change) for change in changes)
    if snapshot.cancelled is not None:
        return Evaluation(
            wave_statuses, (*_cancel(wave_statuses), *merge_requests.propose(snapshot, ()))
        )
    due: list[Effect] = list(merge_requests.propose(snapshot, changes))
    merged = False
    for wave_status in wave_statuses:
        if wave_status.merge_request is None or not wave_status.change.files:
            continue
        request = wave_status.merge_request
        waits_for = tuple(
            each for each in wave_status.gates if not isinstance(each, RefusedByForge)
        )
        commits = (request.head, *request.merge_queue_commits)
        due += [effects.SetOrderStatus(request.number, commit, waits_for) for commit in commits]
        if not wave_status.gates and not merged:
            methods = (each.merge_method for each in snapshot.policies if each.merge_method)
            how = next(methods, None)
            due.append(effects.Merge(request.number, request.head, wave_status.change, how))
            merged = True
    return Evaluation(wave_statuses, (*due, *_next_look(snapshot, wave_statuses)))


def _cancel(wave_statuses: Sequence[WaveStatus]) -> Iterator[Effect]:
    """Say on each merge request that it is cancelled, before it is closed."""
    for wave_status in wave_statuses:
        request = wave_status.merge_request
        if request is not None and wave_status.gates:
            yield effects.SetOrderStatus(request.number, request.head, wave_status.gates)


def _stand(context: dependencies.GatingContext, change: ChangeSet) -> WaveStatus:
    request = merge_requests.open_request(context.snapshot, change.wave.name)
    if not change.files:
        pending = _unsettled(context, change)
        state = WaveState.SETTLING if pending else WaveState.DONE
        return WaveStatus(change, state, request, pending=pending)
    cancelled = context.snapshot.cancelled
    if cancelled is not None:
        gate = Cancelled(cancelled.by, cancelled.reason)
        return WaveStatus(change, WaveState.CANCELLED, request, (gate,))
    closed = (
        *merge_requests.closed_gates(context.snapshot, change, request),
        *dependencies.closed_gates(context, change, request),
    )
    state = WaveState.WAITING if closed else WaveState.MERGING
    if not closed and request is not None and request.refusal is not None:
        refusal = request.refusal
        closed = (RefusedByForge(refusal.reason, refusal.until, refusal.attempts),)
    return WaveStatus(change, state, request, closed)


def _unsettled(context: dependencies.GatingContext, change: ChangeSet) -> tuple[PendingUnit, ...]:
    if change.wave.removal:
        return ()
    ready = ReadinessRequirement(DependencyCondition.READY)
    found = (not_ready(context.snapshot, unit, ready, {}) for unit in change.wave.units)
    return tuple(pending for pending in found if pending is not None)


def _next_look(
    snapshot: Snapshot, wave_statuses: Sequence[WaveStatus]
) -> tuple[effects.RequeueAt, ...]:
    moments = [next_check(gate) for wave_status in wave_statuses for gate in wave_status.gates]
    moments += [each.until for each in snapshot.application.exceptions]
    moments += [stale_at(snapshot, seen) for seen in snapshot.observations.values()]
    later = [moment for moment in moments if moment is not None and moment > snapshot.now]
    return (effects.RequeueAt(min(later)),) if later else ()
