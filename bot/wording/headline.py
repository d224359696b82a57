"""How a rollout stands and who acts next, in one line: comment, page and status begin with it.

Of the waves that wait, one that lacks nothing but a person's word comes first; then the first in
the order of the rollout, for it is what holds up the others.
"""

from collections.abc import Sequence

from bot.engine.propose import Proposal
from bot.wording.markdown import plural
from bot.wording.reasons import approvers, cure, places, reason, remedy
from planners.gating.evaluate import Standing
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
    Held,
    HeldBy,
    Lack,
    NotMerged,
    NotProposed,
    OpenedByPerson,
    OutsideWindow,
    Paused,
    Pending,
)

PEOPLE = (AwaitsApproval, ClosedByPerson, ForeignCommit, Held, HeldBy, OpenedByPerson, Paused)
STUBBORN = 4
STALE = frozenset({Lack.REPAIR, Lack.FRESH_REPORT})


def headline(proposal: Proposal, *, preview: bool) -> str:
    """The state of a rollout and who acts next; of a preview, the text of `switchyard/plan`."""
    state = state_of(proposal, preview=preview)
    who = "" if preview else next_actor(proposal)
    return f"{state}; {who}" if who else state


def state_of(proposal: Proposal, *, preview: bool) -> str:
    """How far it is, in a few words."""
    standings = proposal.decision.standings
    to_merge = _to_merge(standings)
    clusters = {unit.cluster for each in standings for unit in each.change.wave.units}
    if preview:
        return _preview(to_merge, len(clusters))
    if proposal.plan.restores is not None:
        return _going_back(proposal, len(clusters))
    if proposal.decision.done:
        return f"rolled out: ready on {plural(len(clusters), 'cluster')}"
    if told := _cancelled(standings):
        stay = f"{len(standings) - len(to_merge)} of {plural(len(standings), 'wave')}"
        return f"{reason(told)}; {stay} merged and left as they are"
    if holding(standings):
        return f"held: {places(failures(standings))}"
    failed = failures(standings)
    but = f"; failed: {places(failed)}" if failed else ""
    if to_merge:
        return f"{len(to_merge)} of {plural(len(standings), 'wave')} left to merge{but}"
    waits = "" if failed else "; waiting for the clusters to be ready"
    return f"all waves merged{but}{waits}"


def next_actor(proposal: Proposal) -> str:
    """What happens next, or for whom it waits; empty when there is nothing to come."""
    standings = proposal.decision.standings
    to_merge = _to_merge(standings)
    forward = proposal.plan.restores is None
    if told := _cancelled(standings):
        return remedy(told)
    if forward and holding(standings):
        return f"waits for {cure(failures(standings))}"
    for standing in to_merge:
        if not standing.gates:
            return f"{standing.change.wave.name} merges now"
    found = _first(to_merge)
    if found is None:
        lacking = [each for standing in standings for each in standing.pending]
        return f"{places(lacking)}; cleared by {cure(lacking)}" if lacking else ""
    standing, gate = found
    if isinstance(gate, AwaitsApproval):
        have = f", has {len(gate.given)} of {gate.needed}" if gate.given else ""
        return f"waits for approval of {standing.change.wave.name} by {approvers(gate)}{have}"
    text = f"{standing.change.wave.name}: {reason(gate)}"
    if isinstance(gate, Conflicts | NotProposed):
        return text
    return f"{text}; cleared by {remedy(gate)}"


def kind_of(proposal: Proposal, *, preview: bool) -> str:
    """What stays the same while the line changes with every report: the state, wave and gate."""
    standings = proposal.decision.standings
    found = _first(_to_merge(standings))
    what = (found[0].change.wave.name, type(found[1]).__name__) if found else ("", "")
    failed = sorted(str(each.unit) for each in failures(standings))
    merged = [each.change.wave.name for each in standings if not each.change.files]
    return repr((preview, proposal.digest, proposal.decision.done, merged, failed, what))


def needs_person(gate: Gate) -> bool:
    """Whether it stays closed until somebody acts; time and clusters alone do not open it."""
    match gate:
        case AwaitsDependency(pending=pending) | AwaitsStep(pending=pending):
            return _broken(pending)
        case AwaitsReplacement(pending=pending):
            return _broken(pending)
        case OutsideWindow(until=until):
            return until is None
        case NotMerged(times=times):
            return times >= STUBBORN
        case _:
            return isinstance(gate, PEOPLE)


def _broken(pending: Sequence[Pending]) -> bool:
    return any(each.lack in STALE or each.overdue for each in pending)


def holding(standings: Sequence[Standing]) -> bool:
    """Whether some wave waits for a cluster that failed; failures may be tolerated or skipped."""
    failed = {each.unit for each in failures(standings)}
    return bool(failed) and any(
        each.unit in failed
        for standing in standings
        for gate in standing.gates
        if isinstance(gate, AwaitsDependency | AwaitsStep | AwaitsReplacement)
        for each in gate.pending
    )


def _first(to_merge: Sequence[Standing]) -> tuple[Standing, Gate] | None:
    """The wave and the gate that are spoken of first."""
    waiting = [each for each in to_merge if each.gates]
    for standing in waiting:
        if all(isinstance(gate, PEOPLE) for gate in standing.gates):
            return standing, standing.gates[0]
    if not waiting:
        return None
    gates = waiting[0].gates
    return waiting[0], next((gate for gate in gates if isinstance(gate, PEOPLE)), gates[0])


def _cancelled(standings: Sequence[Standing]) -> Cancelled | None:
    gates = (gate for standing in standings for gate in standing.gates)
    return next((gate for gate in gates if isinstance(gate, Cancelled)), None)


def failures(standings: Sequence[Standing]) -> list[Pending]:
    """The merged units that failed."""
    return [
        pending
        for standing in standings
        for pending in standing.pending
        if pending.lack is Lack.REPAIR
    ]


def _to_merge(standings: Sequence[Standing]) -> list[Standing]:
    return [each for each in standings if each.change.files]


def _preview(to_merge: Sequence[Standing], clusters: int) -> str:
    if not to_merge:
        return "nothing changes on any cluster"
    touched = {cluster for each in to_merge for cluster in each.change.clusters}
    return (
        f"{plural(len(touched), 'cluster')} of {clusters} change in {plural(len(to_merge), 'wave')}"
    )


def _going_back(proposal: Proposal, clusters: int) -> str:
    plan, standings = proposal.plan, proposal.decision.standings
    what = f"revision {plan.revision.sha[:8]}"
    if proposal.decision.done:
        return f"rolled back: {what}; {plural(clusters, 'cluster')} ready as before"
    if to_merge := _to_merge(standings):
        done = len(standings) - len(to_merge)
        why = f" ({places(plan.failures)})" if plan.failures else ""
        return f"rolling back {what}{why}: {done} of {len(standings)} done"
    return f"rolled back {what}; waiting for the clusters to be ready as before"
