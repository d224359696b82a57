"""Gates in words: one text for the commit status, the comment, the page and `why`."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from bot.wording.markdown import listing, natural, plural
from planners.model.gates import (
    AwaitsApproval,
    AwaitsDependency,
    AwaitsReplacement,
    AwaitsStep,
    Cancelled,
    ClosedByPerson,
    Conflicts,
    ForeignCommit,
    Frozen,
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

STATUS_LENGTH = 140
NOT_MERGED = "Nothing of this is merged yet. Then:"
WORST = (
    NotReadyReason.REPAIR,
    NotReadyReason.FRESH_REPORT,
    NotReadyReason.REPORT,
    NotReadyReason.PROGRESS,
    NotReadyReason.SOAK,
    NotReadyReason.MERGE,
    NotReadyReason.ABSENT,
    NotReadyReason.PRESENT,
)

Stopped = HeldByLabel | HeldByCommand | PausedByCommand | Cancelled


def reason(gate: Gate) -> str:  # noqa: C901, PLR0912 - one case per gate
    """Why it waits, in one sentence without a full stop."""
    match gate:
        case AwaitsDependency():
            return _dependency(gate)
        case AwaitsStep(step, pending):
            return f"waits for {step} to be ready: {places(pending)}"
        case AwaitsReplacement(pending):
            return f"removes only when all that replaces it is ready: {places(pending)}"
        case AwaitsApproval():
            return _approval(gate)
        case Frozen(name, until, why):
            return f"frozen by {name} until {until:%Y-%m-%d %H:%M} UTC: {why}"
        case OutsideWindow():
            return _window(gate)
        case HeldByLabel() | HeldByCommand() | PausedByCommand() | Cancelled():
            return _stopped(gate)
        case ForeignCommit(author, head):
            return f"the branch has commit {head[:8]} by {author}, which is not Switchyard's"
        case ClosedByPerson(user, number):
            return f"{user} closed merge request !{number}"
        case OpenedByPerson(user, number):
            return f"{user} opened merge request !{number} of Switchyard's branch"
        case Conflicts():
            return "conflicts with main; Switchyard writes the branch anew"
        case RefusedByForge(why, until, _):
            return f"not merged yet: {why.rstrip('. ')}; looks again at {until:%H:%M:%S} UTC"
        case NotProposed():
            return "the merge request is being written"
        case unreachable:
            assert_never(unreachable)


def remedy(gate: Gate) -> str:  # noqa: C901, PLR0912 - one case per gate
    """Who or what clears it, as what follows `cleared by` or `waits for`; without a full stop."""
    match gate:
        case AwaitsDependency(pending=pending) | AwaitsStep(pending=pending):
            return cure(pending)
        case AwaitsReplacement(pending=pending):
            return cure(pending)
        case AwaitsApproval():
            return f"approval of the merge request by {approvers(gate)}"
        case Frozen(until=until):
            return f"the end of the freeze at {until:%Y-%m-%d %H:%M} UTC, or a change of the policy"
        case OutsideWindow(until=None):
            return "different stages for clusters whose windows never meet"
        case OutsideWindow(until=until):
            return f"the window's opening at {until:%a %Y-%m-%d %H:%M} UTC"
        case HeldByLabel() | HeldByCommand() | PausedByCommand() | Cancelled():
            return _let_go(gate)
        case ForeignCommit():
            return (
                "somebody who resets the branch to Switchyard's commit, closes the merge request, "
                "or deletes the branch where there is none"
            )
        case ClosedByPerson():
            return "somebody who reopens it, or a new revision that changes the plan"
        case OpenedByPerson():
            return "somebody who closes it; Switchyard opens its own"
        case RefusedByForge():
            return "the forge's own rules for the branch: its checks, approvals, merge queue"
        case Conflicts() | NotProposed():
            return "Switchyard, in its next pass"
        case unreachable:
            assert_never(unreachable)


def told(gates: Sequence[Gate], *, preview: bool) -> list[Gate]:
    """The gates that are told of a wave.

    Before a revision is merged it has no merge requests, and that is no news.
    """
    return [each for each in gates if not (preview and isinstance(each, NotProposed))]


def stops(gates: Sequence[Gate]) -> list[Gate]:
    """Those of the gates by which people stopped it; they are told of wherever they stand."""
    return [each for each in gates if isinstance(each, Stopped | Frozen)]


def moment(at: datetime, now: datetime) -> str:
    """A time to come, to the second; with its date, and to the minute, where that is not today."""
    return f"{at:{'%H:%M:%S' if at.date() == now.date() else '%Y-%m-%d %H:%M'}} UTC"


def status_line(gates: Sequence[Gate]) -> str:
    """What stands beside the status `switchyard/order`: the first closed gate, word for word."""
    if not gates:
        return "its turn: everything it waits for is ready"
    text = reason(gates[0])
    return text if len(text) <= STATUS_LENGTH else text[: STATUS_LENGTH - 1] + "\u2026"


def _stopped(gate: Stopped) -> str:
    """Who stopped it, and why."""
    match gate:
        case HeldByLabel(label):
            return f"held by the label {label}"
        case HeldByCommand(by, why, target):
            return f"held by {by} ({target}): {why}" if target else f"held by {by}: {why}"
        case PausedByCommand(by, why, target):
            return f"{target} is paused by {by}: {why}"
        case Cancelled(by, why):
            return f"cancelled by {by}: {why}"


def _let_go(gate: Stopped) -> str:
    """How what was stopped goes on."""
    match gate:
        case HeldByLabel(label):
            return f"somebody who removes the label {label}"
        case HeldByCommand(target=target) | PausedByCommand(target=target):
            return f"somebody who comments /switchyard resume {target}".rstrip()
        case Cancelled():
            return "a new revision; what is merged of this one stays"


def _window(gate: OutsideWindow) -> str:
    until = gate.until
    when = f"until {until:%a %Y-%m-%d %H:%M} UTC" if until else "for ever: windows never meet"
    return f"outside the maintenance window of {listing(gate.clusters)} {when}"


def _approval(gate: AwaitsApproval) -> str:
    have = f", has {len(gate.given)}" if gate.given else ""
    own = f" ({listing(gate.excluded)} wrote or merged the revision)" if gate.excluded else ""
    less = ""
    if gate.without_role:
        role = gate.role.name.lower()
        less = f" (of {listing(gate.without_role)} it does not count: less than {role})"
    old = f" (what {listing(gate.stale)} approved has changed since)" if gate.stale else ""
    return f"waits for {plural(gate.needed, 'approval')}{have}: {gate.reason}{old}{own}{less}"


def _dependency(gate: AwaitsDependency) -> str:
    quorum = f" ({gate.reached} of {gate.needed} needed)" if gate.reached else ""
    return (
        f"{gate.component} waits for {gate.dependency} to be {gate.when} on "
        f"{places(gate.pending)}{quorum}"
    )


def places(pending: Sequence[PendingUnit]) -> str:
    """Clusters with what is lacking there, equal lacks together; the worst first."""
    alike: dict[str, dict[str, None]] = {}
    for each in sorted(pending, key=lambda each: (WORST.index(each.reason), each.unit)):
        alike.setdefault(not_ready_text(each), {})[each.unit.cluster] = None
    said = [f"{listing(natural(clusters))} ({what})" for what, clusters in alike.items()]
    return listing(said)


def approvers(gate: AwaitsApproval) -> str:
    """Whose approval is missing: `rita`, `2 of rita, tom`, `a reviewer`."""
    left = gate.needed - len(gate.given)
    if gate.users:
        named = listing([each for each in gate.users if each not in gate.given], 5)
        return named if left == 1 and len(gate.users) == 1 else f"{left} of {named}"
    if gate.author_may_approve:
        return "a reviewer" if left == 1 else f"{left} reviewers"
    who = "one" if left == 1 else str(left)
    return f"{who} who neither wrote nor merged this revision"


def not_ready_text(pending: PendingUnit) -> str:
    """What one unit lacks, in a few words."""
    late = ", overdue" if pending.overdue else ""
    return f"{_not_ready_text(pending)}{late}"


def _not_ready_text(pending: PendingUnit) -> str:
    match pending.reason:
        case NotReadyReason.PRESENT:
            return f"{pending.message}/{pending.unit.component} is still there"
        case NotReadyReason.ABSENT:
            return "not deployed there yet"
        case NotReadyReason.MERGE:
            return f"wave {pending.message} is not merged"
        case NotReadyReason.REPORT:
            return pending.message or "no report yet"
        case NotReadyReason.FRESH_REPORT:
            return pending.message
        case NotReadyReason.PROGRESS:
            return "progressing"
        case NotReadyReason.REPAIR:
            return f"{pending.unit.component} failed: {pending.message}"
        case NotReadyReason.SOAK:
            return f"ready, soaks until {pending.until:%H:%M:%S}" if pending.until else "soaks"


def cure(pending: Sequence[PendingUnit]) -> str:
    """Who or what brings units to what they lack."""
    lacks = {each.reason for each in pending}
    if NotReadyReason.REPAIR in lacks:
        return "a repair of the cluster, or a new revision"
    if NotReadyReason.FRESH_REPORT in lacks or any(each.overdue for each in pending):
        return "a report of the cluster; look at its agent"
    if NotReadyReason.MERGE in lacks:
        waves = sorted({each.message for each in pending if each.reason is NotReadyReason.MERGE})
        return f"the merge of {listing(waves)}, then the clusters' reports"
    if lacks == {NotReadyReason.SOAK}:
        return "time"
    return "the clusters' reports, by themselves"
