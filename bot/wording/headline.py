"""How a rollout stands and who acts next, in one line: comment, page and status begin with it.

Of the waves that wait, one that lacks nothing but a person's word comes first; then the first in
the order of the rollout, for it is what holds up the others.
"""

from collections.abc import Sequence

from bot.engine.propose import Proposal
from bot.wording.markdown import plural
from bot.wording.reasons import approvers, cure, places, reason, remedy
from planners.gating.evaluate import WaveStatus
from planners.model.gates import (
    AwaitsApproval,
    AwaitsDependency,
    AwaitsReplacement,
    AwaitsStep,
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
)

PEOPLE = (
    AwaitsApproval,
    ClosedByPerson,
    ForeignCommit,
    HeldByLabel,
    HeldByCommand,
    OpenedByPerson,
    PausedByCommand,
)
STUBBORN = 4
STALE = frozenset({NotReadyReason.REPAIR, NotReadyReason.FRESH_REPORT})


def headline(proposal: Proposal, *, preview: bool) -> str:
    """The state of a rollout and who acts next; of a preview, the text of `switchyard/plan`."""
    state = state_of(proposal, preview=preview)
    who = "" if preview else next_actor(proposal)
    return f"{state}; {who}" if who else state


def state_of(proposal: Proposal, *, preview: bool) -> str:
    """How far it is, in a few words."""
    wave_statuses = proposal.evaluation.wave_statuses
    to_merge = _to_merge(wave_statuses)
    clusters = {unit.cluster for each in wave_statuses for unit in each.change.wave.units}
    if preview:
        return _preview(to_merge, len(clusters))
    if proposal.plan.restores is not None:
        return _going_back(proposal, len(clusters))
    if proposal.evaluation.done:
        return f"rolled out: ready on {plural(len(clusters), 'cluster')}"
    if told := _cancelled(wave_statuses):
        stay = f"{len(wave_statuses) - len(to_merge)} of {plural(len(wave_statuses), 'wave')}"
        return f"{reason(told)}; {stay} merged and left as they are"
    if holding(wave_statuses):
        return f"held: {places(failures(wave_statuses))}"
    failed = failures(wave_statuses)
    but = f"; failed: {places(failed)}" if failed else ""
    if to_merge:
        return f"{len(to_merge)} of {plural(len(wave_statuses), 'wave')} left to merge{but}"
    waits = "" if failed else "; waiting for the clusters to be ready"
    return f"all waves merged{but}{waits}"


def next_actor(proposal: Proposal) -> str:
    """What happens next, or for whom it waits; empty when there is nothing to come."""
    wave_statuses = proposal.evaluation.wave_statuses
    to_merge = _to_merge(wave_statuses)
    forward = proposal.plan.restores is None
    if told := _cancelled(wave_statuses):
        return remedy(told)
    if forward and holding(wave_statuses):
        return f"waits for {cure(failures(wave_statuses))}"
    for wave_status in to_merge:
        if not wave_status.gates:
            return f"{wave_status.change.wave.name} merges now"
    found = _first(to_merge)
    if found is None:
        not_ready = [each for wave_status in wave_statuses for each in wave_status.pending]
        return f"{places(not_ready)}; cleared by {cure(not_ready)}" if not_ready else ""
    wave_status, gate = found
    if isinstance(gate, AwaitsApproval):
        have = f", has {len(gate.given)} of {gate.needed}" if gate.given else ""
        return f"waits for approval of {wave_status.change.wave.name} by {approvers(gate)}{have}"
    text = f"{wave_status.change.wave.name}: {reason(gate)}"
    if isinstance(gate, Conflicts | NotProposed):
        return text
    return f"{text}; cleared by {remedy(gate)}"


def kind_of(proposal: Proposal, *, preview: bool) -> str:
    """What stays the same while the line changes with every report: the state, wave and gate."""
    wave_statuses = proposal.evaluation.wave_statuses
    found = _first(_to_merge(wave_statuses))
    what = (found[0].change.wave.name, type(found[1]).__name__) if found else ("", "")
    failed = sorted(str(each.unit) for each in failures(wave_statuses))
    merged = [each.change.wave.name for each in wave_statuses if not each.change.files]
    return repr((preview, proposal.digest, proposal.evaluation.done, merged, failed, what))


def needs_person(gate: Gate) -> bool:
    """Whether it stays closed until somebody acts; time and clusters alone do not open it."""
    match gate:
        case AwaitsDependency(pending=pending) | AwaitsStep(pending=pending):
            return _broken(pending)
        case AwaitsReplacement(pending=pending):
            return _broken(pending)
        case OutsideWindow(until=until):
            return until is None
        case RefusedByForge(attempts=times):
            return times >= STUBBORN
        case _:
            return isinstance(gate, PEOPLE)


def _broken(pending: Sequence[PendingUnit]) -> bool:
    return any(each.reason in STALE or each.overdue for each in pending)


def holding(wave_statuses: Sequence[WaveStatus]) -> bool:
    """Whether some wave waits for a cluster that failed; failures may be tolerated or skipped."""
    failed = {each.unit for each in failures(wave_statuses)}
    return bool(failed) and any(
        each.unit in failed
        for wave_status in wave_statuses
        for gate in wave_status.gates
        if isinstance(gate, AwaitsDependency | AwaitsStep | AwaitsReplacement)
        for each in gate.pending
    )


def _first(to_merge: Sequence[WaveStatus]) -> tuple[WaveStatus, Gate] | None:
    """The wave and the gate that are spoken of first."""
    waiting = [each for each in to_merge if each.gates]
    for wave_status in waiting:
        if all(isinstance(gate, PEOPLE) for gate in wave_status.gates):
            return wave_status, wave_status.gates[0]
    if not waiting:
        return None
    gates = waiting[0].gates
    return waiting[0], next((gate for gate in gates if isinstance(gate, PEOPLE)), gates[0])


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
    return [each for each in wave_statuses if each.change.files]


def _preview(to_merge: Sequence[WaveStatus], clusters: int) -> str:
    if not to_merge:
        return "nothing changes on any cluster"
    touched = {cluster for each in to_merge for cluster in each.change.clusters}
    return (
        f"{plural(len(touched), 'cluster')} of {clusters} change in {plural(len(to_merge), 'wave')}"
    )


def _going_back(proposal: Proposal, clusters: int) -> str:
    plan, wave_statuses = proposal.plan, proposal.evaluation.wave_statuses
    what = f"revision {plan.revision.sha[:8]}"
    if proposal.evaluation.done:
        return f"rolled back: {what}; {plural(clusters, 'cluster')} ready as before"
    if to_merge := _to_merge(wave_statuses):
        done = len(wave_statuses) - len(to_merge)
        why = f" ({places(plan.failures)})" if plan.failures else ""
        return f"rolling back {what}{why}: {done} of {len(wave_statuses)} done"
    return f"rolled back {what}; waiting for the clusters to be ready as before"
