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
from planners.gating.readiness import Requirement, lacking, stale_at
from planners.model import When
from planners.model.gates import Cancelled, Gate, NotMerged, Pending, next_look
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
class Standing:
    """One wave as it stands: its change, its merge request and every reason why it waits.

    A wave with nothing left to merge is SETTLING while `pending` units are not ready, then DONE.
    One that is CANCELLED is merged no more.
    """

    change: ChangeSet
    state: WaveState
    merge_request: MergeRequest | None
    gates: tuple[Gate, ...] = ()
    pending: tuple[Pending, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What `decide` answers."""

    standings: tuple[Standing, ...]
    effects: tuple[Effect, ...]

    @property
    def done(self) -> bool:
        """Whether everything is merged and ready."""
        return all(standing.state is WaveState.DONE for standing in self.standings)


def decide(snapshot: Snapshot, plan: Plan, changes: Sequence[ChangeSet]) -> Decision:
    """Judge every wave; at most one merge is due in a pass, so that each sees a world read anew."""
    unmerged = {unit: change.wave.name for change in changes for unit in change.units}
    context = dependencies.Context(snapshot, plan, unmerged)
    standings = tuple(_stand(context, change) for change in changes)
    if snapshot.cancelled is not None:
        return Decision(standings, (*_cancel(standings), *merge_requests.propose(snapshot, ())))
    due: list[Effect] = list(merge_requests.propose(snapshot, changes))
    merged = False
    for standing in standings:
        if standing.merge_request is None or not standing.change.files:
            continue
        request = standing.merge_request
        waits_for = tuple(each for each in standing.gates if not isinstance(each, NotMerged))
        commits = (request.head, *request.trials)
        due += [effects.SetOrder(request.number, commit, waits_for) for commit in commits]
        if not standing.gates and not merged:
            methods = (each.merge_method for each in snapshot.policies if each.merge_method)
            how = next(methods, None)
            due.append(effects.Merge(request.number, request.head, standing.change, how))
            merged = True
    return Decision(standings, (*due, *_next_look(snapshot, standings)))


def _cancel(standings: Sequence[Standing]) -> Iterator[Effect]:
    """Say on each merge request that it is cancelled, before it is closed."""
    for standing in standings:
        request = standing.merge_request
        if request is not None and standing.gates:
            yield effects.SetOrder(request.number, request.head, standing.gates)


def _stand(context: dependencies.Context, change: ChangeSet) -> Standing:
    request = merge_requests.open_request(context.snapshot, change.wave.name)
    if not change.files:
        pending = _unsettled(context, change)
        state = WaveState.SETTLING if pending else WaveState.DONE
        return Standing(change, state, request, pending=pending)
    cancelled = context.snapshot.cancelled
    if cancelled is not None:
        gate = Cancelled(cancelled.by, cancelled.reason)
        return Standing(change, WaveState.CANCELLED, request, (gate,))
    closed = (
        *merge_requests.judge(context.snapshot, change, request),
        *dependencies.judge(context, change, request),
    )
    state = WaveState.WAITING if closed else WaveState.MERGING
    if not closed and request is not None and request.refusal is not None:
        refusal = request.refusal
        closed = (NotMerged(refusal.reason, refusal.until, refusal.times),)
    return Standing(change, state, request, closed)


def _unsettled(context: dependencies.Context, change: ChangeSet) -> tuple[Pending, ...]:
    if change.wave.removal:
        return ()
    ready = Requirement(When.READY)
    found = (lacking(context.snapshot, unit, ready, {}) for unit in change.wave.units)
    return tuple(pending for pending in found if pending is not None)


def _next_look(snapshot: Snapshot, standings: Sequence[Standing]) -> tuple[effects.LookAgain, ...]:
    moments = [next_look(gate) for standing in standings for gate in standing.gates]
    moments += [each.until for each in snapshot.application.exceptions]
    moments += [stale_at(snapshot, seen) for seen in snapshot.observations.values()]
    later = [moment for moment in moments if moment is not None and moment > snapshot.now]
    return (effects.LookAgain(min(later)),) if later else ()
