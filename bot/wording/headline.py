"""The state of a rollout and who acts next, in one line: comment, page and status begin with it.

Of the waiting waves, one that only needs a person comes first; then the first in the order of the
rollout, as it blocks the others.
"""

from collections.abc import Sequence
from enum import StrEnum

from bot.engine.propose import Proposal
from bot.wording.markdown import plural
from bot.wording.prose import NOTHING, Prose, say
from bot.wording.reasons import (
    approvers_approve,
    failed_clusters,
    pending_clusters,
    reason,
    remedy,
    remedy_for,
)
from planners.gating.evaluate import WaveStatus
from planners.model.gate_rules import GateState
from planners.model.gates import (
    AwaitsAddress,
    AwaitsApproval,
    AwaitsDependency,
    AwaitsGate,
    AwaitsReplacement,
    AwaitsRoom,
    AwaitsStep,
    BehindTarget,
    Cancelled,
    ClosedByPerson,
    Conflicts,
    ForeignCommit,
    Gate,
    HeldByCommand,
    HeldByLabel,
    NotProposed,
    NotReadyReason,
    OpenedByPerson,
    OutsideWindow,
    PausedByCommand,
    PendingUnit,
    RefusedByForge,
    UnknownAuthors,
    UnknownOwners,
)

PEOPLE = (
    AwaitsApproval,
    ClosedByPerson,
    ForeignCommit,
    HeldByLabel,
    HeldByCommand,
    OpenedByPerson,
    PausedByCommand,
    UnknownAuthors,
    UnknownOwners,
)
MOST_REFUSALS = 4
STALE = frozenset({NotReadyReason.REPAIR, NotReadyReason.FRESH_REPORT})


class Sign(StrEnum):
    """The one sign of a state; the words after it say the same."""

    PLAN = "\N{CLIPBOARD}"
    NO_CHANGE = "\N{MEDIUM WHITE CIRCLE}"
    PERSON = "\N{RAISED HAND}"
    UNDER_WAY = "\N{HOURGLASS WITH FLOWING SAND}"
    STOPPED = "\N{OCTAGONAL SIGN}"
    BACK = "\N{BLACK LEFT-POINTING DOUBLE TRIANGLE}"
    DONE = "\N{WHITE HEAVY CHECK MARK}"


def sign(proposal: Proposal, *, preview: bool) -> Sign:
    """The sign before the headline."""
    wave_statuses = proposal.evaluation.wave_statuses
    if preview:
        changing = any(each.change.files for each in wave_statuses)
        return Sign.PLAN if changing else Sign.NO_CHANGE
    if proposal.evaluation.done:
        return Sign.DONE
    forward = proposal.plan.restores is None
    if _cancelled(wave_statuses) or (forward and holding(wave_statuses)):
        return Sign.STOPPED
    found = _next_gate(wave_statuses)
    if found is not None and needs_person(found[1]):
        return Sign.PERSON
    return Sign.UNDER_WAY if forward else Sign.BACK


def headline(proposal: Proposal, *, preview: bool) -> Prose:
    """The state of a rollout and who acts next."""
    state = _state(proposal, preview=preview)
    who = _after_merge(proposal) if preview else _next_actor(proposal)
    return say("{}; {}", state, who) if who else state


def plan_line(proposal: Proposal) -> Prose:
    """What a plan changes: the text of `switchyard/plan`, which stays after the merge."""
    return _state(proposal, preview=True)


def _after_merge(proposal: Proposal) -> Prose:
    """Who acts next on a plan whose revision is not merged."""
    changing = any(each.change.files for each in proposal.evaluation.wave_statuses)
    return say("next: someone merges this merge request") if changing else NOTHING


def _state(proposal: Proposal, *, preview: bool) -> Prose:
    """How far it is, in a few words."""
    wave_statuses = proposal.evaluation.wave_statuses
    to_merge = _to_merge(wave_statuses)
    clusters = {unit.cluster for each in wave_statuses for unit in each.change.wave.units}
    if preview:
        changing = [each for each in to_merge if each.change.files]
        return _preview(changing, len(clusters))
    if proposal.plan.restores is not None:
        return _rolling_back(proposal, len(clusters))
    if proposal.evaluation.done:
        ready = f"{plural(len(clusters), 'cluster')} ready" if clusters else "runs on no cluster"
        return say(f"rolled out: {ready}")
    merged = _merged(wave_statuses)
    if cancelled := _cancelled(wave_statuses):
        return say(f"{{}}; {merged}, which stay as they are", reason(cancelled))
    failed = failures(wave_statuses)
    if holding(wave_statuses):
        return say("held: {}", failed_clusters(failed))
    but = say("; failed: {}", pending_clusters(failed)) if failed else NOTHING
    if to_merge:
        return say(f"{merged}{{}}", but)
    if away := _only_away(wave_statuses):
        ready = plural(len(clusters - away), "cluster")
        return say(f"rolled out: {ready} ready, {len(away)} offline")
    return say("all waves merged{}", but)


def _merged(wave_statuses: Sequence[WaveStatus]) -> str:
    """`1 of 3 waves merged`: waves without changes do not count."""
    left = len(_to_merge(wave_statuses))
    merged = sum(each.merged and not each.is_left for each in wave_statuses)
    return f"{merged} of {plural(left + merged, 'wave')} merged"


def _only_away(wave_statuses: Sequence[WaveStatus]) -> set[str]:
    """The offline clusters, if nothing else is missing."""
    pending = [each for wave_status in wave_statuses for each in wave_status.pending]
    away = {each.unit.cluster for each in pending if each.reason is NotReadyReason.OFFLINE}
    return away if all(each.reason is NotReadyReason.OFFLINE for each in pending) else set()


def _next_actor(proposal: Proposal) -> Prose:
    """What happens next, or for whom it waits; empty when there is nothing to come."""
    wave_statuses = proposal.evaluation.wave_statuses
    to_merge = _to_merge(wave_statuses)
    forward = proposal.plan.restores is None
    if cancelled := _cancelled(wave_statuses):
        return say("continues {}", remedy(cancelled))
    if forward and holding(wave_statuses):
        return say("continues {}", remedy_for(failures(wave_statuses)))
    for wave_status in to_merge:
        if not wave_status.gates:
            return say("next: {} merges", wave_status.change.wave.name)
    found = _next_gate(wave_statuses)
    if found is None:
        not_ready = [each for wave_status in wave_statuses for each in wave_status.pending]
        if not not_ready:
            return NOTHING
        return say(
            "waiting for {}; continues {}", pending_clusters(not_ready), remedy_for(not_ready)
        )
    wave_status, gate = found
    name = wave_status.change.wave.name
    if isinstance(gate, AwaitsApproval):
        have = f" ({len(gate.given)} of {gate.needed} given)" if gate.given else ""
        return say(f"next: {{}} {{}}{have}", approvers_approve(gate), name)
    if isinstance(gate, BehindTarget | Conflicts | AwaitsRoom):
        return say("{}: {}", name, reason(gate))
    return say("{}: {}; continues {}", name, reason(gate), remedy(gate))


def _next_gate(wave_statuses: Sequence[WaveStatus]) -> tuple[WaveStatus, Gate] | None:
    """The wave and the gate that the headline names."""
    to_merge = _to_merge(wave_statuses)
    if any(not each.gates for each in to_merge):
        return None
    return _first(to_merge) or _first(wave_statuses)


def kind_of(proposal: Proposal, *, preview: bool) -> str:
    """A key that stays the same while only details of the line change: state, wave and gate."""
    wave_statuses = proposal.evaluation.wave_statuses
    found = _first(_to_merge(wave_statuses))
    what = (found[0].change.wave.name, type(found[1]).__name__) if found else ("", "")
    failed = sorted(str(each.unit) for each in failures(wave_statuses))
    merged = [each.change.wave.name for each in wave_statuses if not each.change.files]
    return repr((preview, proposal.digest, proposal.evaluation.done, merged, failed, what))


def needs_person(gate: Gate) -> bool:
    """Whether it stays closed until a person acts: neither time nor reports open it."""
    match gate:
        case AwaitsDependency(pending=pending) | AwaitsStep(pending=pending):
            return _broken(pending)
        case AwaitsReplacement(pending=pending):
            return _broken(pending)
        case AwaitsAddress(awaited=awaited):
            return any(each.refused for each in awaited)
        case OutsideWindow(until=until):
            return until is None
        case RefusedByForge(attempts=times):
            return times >= MOST_REFUSALS
        case NotProposed(refusal=refusal):
            return bool(refusal)
        case AwaitsGate(state=state, overdue=overdue):
            return overdue or state is GateState.FAILED
        case _:
            return isinstance(gate, PEOPLE)


def _broken(pending: Sequence[PendingUnit]) -> bool:
    return any(each.reason in STALE or each.overdue for each in pending)


def holding(wave_statuses: Sequence[WaveStatus]) -> bool:
    """Whether some wave waits for a failed cluster."""
    return bool(blocking(wave_statuses))


def blocking(wave_statuses: Sequence[WaveStatus]) -> list[PendingUnit]:
    """The failed units that some wave waits for; tolerated and skipped failures do not hold."""
    failed = failures(wave_statuses)
    if not failed:
        return []
    units = {each.unit for each in failed}
    awaited = {
        each.unit
        for wave_status in wave_statuses
        for gate in wave_status.gates
        if isinstance(gate, AwaitsDependency | AwaitsStep | AwaitsReplacement)
        for each in gate.pending
        if each.unit in units
    }
    return [each for each in failed if each.unit in awaited]


def stopping(proposal: Proposal) -> list[PendingUnit]:
    """The failed units that keep a rollout from its next wave or its end; none in a rollback."""
    wave_statuses = proposal.evaluation.wave_statuses
    if proposal.plan.restores is not None:
        return []
    is_left = any(each.is_left for each in wave_statuses)
    return blocking(wave_statuses) if is_left else failures(wave_statuses)


def _first(to_merge: Sequence[WaveStatus]) -> tuple[WaveStatus, Gate] | None:
    """The wave and the gate that the headline names."""
    waiting = [each for each in to_merge if each.gates]
    for wave_status in waiting:
        now = [gate for gate in wave_status.gates if not _is_asked_later(gate)]
        if now and all(isinstance(gate, PEOPLE) for gate in now):
            return wave_status, now[0]
    if not waiting:
        return None
    gates = waiting[0].gates
    return waiting[0], next((gate for gate in gates if isinstance(gate, PEOPLE)), gates[0])


def _is_asked_later(gate: Gate) -> bool:
    """Whether it is a declared gate that is asked once the others are open."""
    return isinstance(gate, AwaitsGate) and bool(gate.begins)


def _cancelled(wave_statuses: Sequence[WaveStatus]) -> Cancelled | None:
    gates = (gate for wave_status in wave_statuses for gate in wave_status.gates)
    return next((gate for gate in gates if isinstance(gate, Cancelled)), None)


def failures(wave_statuses: Sequence[WaveStatus]) -> list[PendingUnit]:
    """The merged units that failed."""
    return [
        pending
        for wave_status in wave_statuses
        for pending in wave_status.pending
        if pending.reason is NotReadyReason.REPAIR
    ]


def _to_merge(wave_statuses: Sequence[WaveStatus]) -> list[WaveStatus]:
    return [each for each in wave_statuses if each.is_left]


def _preview(to_merge: Sequence[WaveStatus], clusters: int) -> Prose:
    if not to_merge:
        return say("no changes on any cluster")
    touched = {cluster for each in to_merge for cluster in each.change.clusters}
    return say(
        f"changes {len(touched):,} of {plural(clusters, 'cluster')} "
        f"in {plural(len(to_merge), 'wave')}"
    )


def _rolling_back(proposal: Proposal, clusters: int) -> Prose:
    plan, wave_statuses = proposal.plan, proposal.evaluation.wave_statuses
    revision = plan.revision.sha[:8]
    if proposal.evaluation.done:
        return say(f"rolled back revision {{}}: {plural(clusters, 'cluster')} ready", revision)
    if _to_merge(wave_statuses):
        why = say(" because of {}", pending_clusters(plan.failures)) if plan.failures else NOTHING
        return say(f"rolling back revision {{}}{{}}: {_merged(wave_statuses)}", revision, why)
    return say("rolled back revision {}: all waves merged", revision)
