"""How a rollout stands and who acts next, in one line: comment, page and status begin with it."""

from collections.abc import Sequence

from bot.core import Proposal
from bot.wording.markdown import listing, plural
from bot.wording.reasons import cure, places, reason, remedy
from planners.gate import Standing
from planners.gates import (
    AwaitsApproval,
    Cancelled,
    ClosedByPerson,
    ForeignCommit,
    Held,
    HeldBy,
    Lack,
    OpenedByPerson,
    Paused,
    Pending,
)

PEOPLE = (AwaitsApproval, ClosedByPerson, ForeignCommit, Held, HeldBy, OpenedByPerson, Paused)


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
    if failed := failures(standings):
        return f"held: {places(failed)}"
    if to_merge:
        return f"{len(standings) - len(to_merge)} of {plural(len(standings), 'wave')} merged"
    return "all waves merged; waiting for the clusters to be ready"


def next_actor(proposal: Proposal) -> str:
    """What happens next, or for whom it waits: people before anything else."""
    standings = proposal.decision.standings
    to_merge = _to_merge(standings)
    forward = proposal.plan.restores is None
    if told := _cancelled(standings):
        return remedy(told)
    if forward and (failed := failures(standings)):
        return f"waits for {cure(failed)}"
    for standing in to_merge:
        if not standing.gates:
            return f"{standing.change.wave.name} merges now"
    waiting = [(each, gate) for each in to_merge for gate in each.gates]
    found = next((pair for pair in waiting if isinstance(pair[1], PEOPLE)), None)
    if found is None and waiting:
        found = waiting[0]
    if found is None:
        return ""
    standing, gate = found
    if isinstance(gate, AwaitsApproval):
        return _approval(standing.change.wave.name, gate)
    cleared = f"; {remedy(gate)}" if isinstance(gate, PEOPLE) else ""
    return f"{standing.change.wave.name}: {reason(gate)}{cleared}"


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
        return f"rolled back: {what} failed; {plural(clusters, 'cluster')} ready as before"
    if to_merge := _to_merge(standings):
        done = len(standings) - len(to_merge)
        why = f" ({places(plan.failures)})" if plan.failures else ""
        return f"rolling back {what}{why}: {done} of {len(standings)} done"
    return f"rolled back {what}; waiting for the clusters to be ready as before"


def _approval(wave: str, gate: AwaitsApproval) -> str:
    """Such as `waits for 1 approval of canary.1: rita`."""
    have = f", has {len(gate.given)}" if gate.given else ""
    who = "a reviewer" if gate.author_may_approve else "somebody who did not write the revision"
    if gate.users:
        who = listing(gate.users, 5)
    return f"waits for {plural(gate.needed, 'approval')} of {wave}{have}: {who}"
