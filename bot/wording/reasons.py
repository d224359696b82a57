"""Gates in words: one text for the commit status, the comment, the page and `why`.

`reason` says why a gate is closed, `remedy` how it clears: it follows the verb `clears`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import assert_never

from bot.wording.gates import gate_reason, gate_remedy
from bot.wording.markdown import natural, plural
from bot.wording.prose import NOTHING, Prose, join, message, names, phrases, say
from planners.gating.evaluate import WaveState
from planners.model import UnattributedCommit
from planners.model.addresses import RefusedAddress
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
    Frozen,
    Gate,
    HeldByCommand,
    HeldByLabel,
    InvalidPlan,
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

STATUS_LENGTH = 140
AFTER_MERGE = "This revision is not merged yet. After the merge:"
PUSH_REMEDY = "when someone changes the forge's rules for pushes; tried again until then"
BEHIND_REMEDY = (
    "automatically: digest and approvals stay; the forge may require its own checks and reviews "
    "again"
)
READY_TO_MERGE = "Ready to merge: all gates are open"
STATE_NAMES = {
    WaveState.DONE: "ready",
    WaveState.SETTLING: "merged",
    WaveState.MERGING: "ready to merge",
    WaveState.WAITING: "waiting",
    WaveState.CANCELLED: "cancelled",
}
WORST = (
    NotReadyReason.REPAIR,
    NotReadyReason.FRESH_REPORT,
    NotReadyReason.OFFLINE,
    NotReadyReason.REPORT,
    NotReadyReason.PROGRESS,
    NotReadyReason.SOAK,
    NotReadyReason.MERGE,
    NotReadyReason.ABSENT,
    NotReadyReason.PRESENT,
)

FOREIGN_COMMIT_REMEDY = (
    "when someone resets the branch to Switchyard's commit, closes the merge request, or deletes "
    "the branch if it has none"
)
Stopped = HeldByLabel | HeldByCommand | PausedByCommand | Cancelled


def reason(gate: Gate) -> Prose:  # noqa: C901, PLR0912 - one case per gate
    """Why it is closed."""
    match gate:
        case AwaitsDependency():
            return _dependency(gate)
        case AwaitsStep(step, pending):
            return say("waits for {} to be ready: {}", step, pending_clusters(pending))
        case AwaitsReplacement(pending):
            return say("removal waits for its replacement: {}", pending_clusters(pending))
        case AwaitsAddress():
            return _address(gate)
        case AwaitsApproval():
            return _approval(gate)
        case UnknownAuthors(commits=commits):
            return _unknown_authors(commits)
        case UnknownOwners(why):
            return say("the code owners who must approve are unknown: {}", why)
        case Frozen(name, until, why):
            return say(f"frozen by {{}} until {until:%Y-%m-%d %H:%M} UTC: {{}}", name, why)
        case OutsideWindow():
            return _window(gate)
        case HeldByLabel() | HeldByCommand() | PausedByCommand() | Cancelled():
            return _stopped(gate)
        case ForeignCommit(author, head):
            return _foreign_commit(author, head)
        case ClosedByPerson(user, number):
            return say(f"{{}} closed merge request {number}", user)
        case OpenedByPerson(user, number):
            return say(f"{{}} opened merge request {number} from Switchyard's branch", user)
        case BehindTarget(wave):
            return _behind(wave)
        case RefusedByForge(why, until, _):
            return _refused(why, until)
        case Conflicts() | NotProposed() | AwaitsRoom() | AwaitsGate():
            return _not_yet(gate)
        case InvalidPlan(problem):
            return say("the newest plan has a problem: {}", problem)
        case unreachable:
            assert_never(unreachable)


def _address(gate: AwaitsAddress) -> Prose:
    """Whose change waits for which address, and why one that was reported does not count."""
    units, first, others = gate.units, gate.awaited[0], gate.awaited[1:]
    more = f" and of {plural(len(others), 'other Service')}" if others else ""
    who = say("one of {}" if first.clusters[1:] else "{}", names(first.clusters))
    return say(
        f"the change of {{}} on {{}} waits until {{}} reports the address of {{}}{more}{{}}",
        names(sorted({unit.component for unit in units})),
        names(sorted({unit.cluster for unit in units})),
        who,
        first.service,
        _refused_address(first.refused),
    )


def _reported() -> Prose:
    return say(
        "when the load balancer has an address and the cluster reports it, by {} or as a fact",
        "switchyard report --addresses",
    )


def _refused_address(refused: RefusedAddress | None) -> Prose:
    match refused:
        case None:
            return NOTHING
        case RefusedAddress(address, ""):
            return say("; it reports the host name {}, and NetworkPolicies know addresses", address)
        case RefusedAddress(address, cluster):
            return say("; it reports {}, which is among the pods of {}", address, cluster)


def _refused(why: str, until: datetime) -> Prose:
    retry = f"next attempt at {until:%H:%M:%S} UTC"
    return say(f"the forge refused the merge: {{}}; {retry}", why.rstrip(". "))


def _foreign_commit(author: str, head: str) -> Prose:
    return say("the branch has commit {} by {}, which Switchyard did not create", head[:8], author)


def _not_yet(gate: Conflicts | NotProposed | AwaitsRoom | AwaitsGate) -> Prose:
    match gate:
        case AwaitsGate():
            return gate_reason(gate)
        case Conflicts():
            return say("merge conflict with main; Switchyard rebuilds the branch")
        case NotProposed(refusal) if refusal:
            return say("the forge refused the branch: {}", refusal)
        case NotProposed(is_open=True):
            return say("the merge request does not have the newest change yet")
        case NotProposed():
            return say("the merge request is not open yet")
        case AwaitsRoom(claimants) if claimants:
            return say("waits for room that {} claimed meanwhile", names(claimants))
        case AwaitsRoom():
            return say("waits for another merge that requests resources")


def remedy(gate: Gate) -> Prose:  # noqa: C901, PLR0912 - one case per gate
    """Who or what clears it; follows the verb `clears`."""
    match gate:
        case AwaitsDependency() | AwaitsStep() | AwaitsReplacement():
            return remedy_for(gate.pending)
        case AwaitsApproval():
            return say("when {} the merge request", approvers_approve(gate))
        case UnknownOwners():
            return say("when someone shortens CODEOWNERS in the deploy repo")
        case UnknownAuthors(commits=commits):
            return _attribution(commits[0])
        case Frozen(until=until):
            return say(f"when the freeze ends at {until:%Y-%m-%d %H:%M} UTC or the policy changes")
        case OutsideWindow(until=None):
            return say("when these clusters are put into different stages")
        case OutsideWindow(until=until):
            return say(f"automatically, when the window opens at {until:%a %Y-%m-%d %H:%M} UTC")
        case HeldByLabel() | HeldByCommand() | PausedByCommand() | Cancelled():
            return _release(gate)
        case ForeignCommit():
            return say(FOREIGN_COMMIT_REMEDY)
        case ClosedByPerson():
            return say("when someone reopens it, or with a new revision that changes the plan")
        case OpenedByPerson():
            return say("when someone closes it; Switchyard then opens its own")
        case BehindTarget() | AwaitsAddress():
            return say(BEHIND_REMEDY) if isinstance(gate, BehindTarget) else _reported()
        case RefusedByForge():
            return say("when the forge's branch rules are met: checks, approvals, merge queue")
        case NotProposed(refusal) if refusal:
            return say(PUSH_REMEDY)
        case Conflicts() | NotProposed() | AwaitsRoom():
            return say("automatically, in the next pass")
        case AwaitsGate():
            return gate_remedy(gate)
        case InvalidPlan():
            return say("when someone corrects it; the status page lists all problems")
        case unreachable:
            assert_never(unreachable)


def reason_and_remedy(gate: Gate) -> Prose:
    """Both in one phrase."""
    return say("{}; clears {}", reason(gate), remedy(gate))


def shown_gates(gates: Sequence[Gate], *, preview: bool) -> list[Gate]:
    """The gates worth showing: a preview has no merge requests yet, which is expected."""
    return [each for each in gates if not (preview and isinstance(each, NotProposed))]


def set_by_people(gates: Sequence[Gate]) -> list[Gate]:
    """The gates that people closed: holds, pauses, cancellations, freezes."""
    return [each for each in gates if isinstance(each, Stopped | Frozen)]


def time_text(at: datetime, now: datetime) -> str:
    """A future time: to the second today, else with its date and to the minute."""
    return f"{at:{'%H:%M:%S' if at.date() == now.date() else '%Y-%m-%d %H:%M'}} UTC"


def status_line(gates: Sequence[Gate]) -> str:
    """The description of the status `switchyard/order`: the reason of the first closed gate."""
    if not gates:
        return READY_TO_MERGE
    text = str(reason(gates[0]))
    return text if len(text) <= STATUS_LENGTH else text[: STATUS_LENGTH - 1] + "\u2026"


def _behind(wave: str | None) -> Prose:
    if wave is None:
        return say("behind main; Switchyard rebuilds the branch with the same content")
    return say("behind main; Switchyard rebuilds the branch after {} is merged", wave)


def _stopped(gate: Stopped) -> Prose:
    """Who stopped it, and why."""
    match gate:
        case HeldByLabel(label):
            return say("held by label {}", label)
        case HeldByCommand(by, why, ""):
            return say("held by {}: {}", by, why)
        case HeldByCommand(by, why, target):
            return say("held by {} (target {}): {}", by, target, why)
        case PausedByCommand(by, why, target):
            return say("paused by {} (target {}): {}", by, target, why)
        case Cancelled(by, why):
            return say("cancelled by {}: {}", by, why)


def _release(gate: Stopped) -> Prose:
    """How what was stopped continues."""
    match gate:
        case HeldByLabel(label):
            return say("when someone removes label {}", label)
        case HeldByCommand(target=target) | PausedByCommand(target=target):
            return say("when someone comments {}", f"/switchyard resume {target}".rstrip())
        case Cancelled():
            return say("with a new revision")


def _window(gate: OutsideWindow) -> Prose:
    when = say("their windows never overlap")
    if gate.until:
        when = say(f"it opens {gate.until:%a %Y-%m-%d %H:%M} UTC")
    return say("outside the maintenance window of {}; {}", names(gate.clusters), when)


def _approval(gate: AwaitsApproval) -> Prose:
    have = f", has {len(gate.given)}" if gate.given else ""
    ignored = ignored_approvals(gate)
    notes = say(" ({})", ignored) if ignored else NOTHING
    return say(
        f"waits for {plural(gate.needed, 'approval')}{have}: {{}}{{}}", approval_rule(gate), notes
    )


def ignored_approvals(gate: AwaitsApproval) -> Prose:
    """Whose approvals do not count, and why."""
    ignored = list[Prose]()
    if gate.stale:
        ignored.append(say("approval by {} is outdated", names(gate.stale)))
    if gate.excluded:
        ignored.append(say("{} wrote or merged the revision", names(gate.excluded)))
    if gate.without_role:
        role = gate.role.name.lower()
        ignored.append(say("{} lacks role {}", names(gate.without_role), role))
    return join("; ", ignored)


def _unknown_authors(commits: Sequence[UnattributedCommit]) -> Prose:
    first, more = commits[0], len(commits) - 1
    others = f" (and {plural(more, 'other commit')})" if more else ""
    return say(
        "approvals do not count, since any approver could be an author of commit "
        f"{{}}{others}: {{}}",
        first.sha[:8],
        first.reason,
    )


def _attribution(commit: UnattributedCommit) -> Prose:
    return say(
        f"{commit.remedy}, or when an admin of the deploy repo reviews the commits and comments "
        "{}",
        "/switchyard override approval --reason TEXT",
    )


def approval_rule(gate: AwaitsApproval) -> Prose:
    """Which rule requires the approval: `clusters with canary=true`."""
    found = gate.reason
    return say(found.rule) if found.about is None else say(f"{found.rule} {{}}", found.about)


def _dependency(gate: AwaitsDependency) -> Prose:
    quorum = f" ({gate.reached} of {gate.needed} needed)" if gate.reached else ""
    return say(
        f"{{}} waits for {{}} to be {gate.when} on {{}}{quorum}",
        gate.component,
        gate.dependency,
        pending_clusters(gate.pending),
    )


def pending_clusters(pending: Sequence[PendingUnit]) -> Prose:
    """Clusters with what they lack, equal ones together; the worst first.

    A cluster that waits for several waves is named once, with all of them.
    """
    alike: dict[object, tuple[tuple[str, ...], list[PendingUnit]]] = {}
    unmerged, worst = _unmerged(pending), {each: rank for rank, each in enumerate(WORST)}
    for each in pending:
        waves = unmerged[each.unit.cluster] if each.reason is NotReadyReason.MERGE else ()
        what = waves or (each.message, each.unit.component, each.until)
        alike.setdefault((each.reason, each.overdue, what), (waves, []))[1].append(each)
    groups = [(min(found, key=attrgetter("unit")), waves, found) for waves, found in alike.values()]
    clusters: dict[Prose, dict[str, None]] = {}
    groups.sort(key=lambda group: (worst[group[0].reason], group[0].unit))
    for first, waves, found in groups:
        text = _overdue(_waves_text(waves), first) if waves else not_ready_text(first)
        clusters.setdefault(text, {}).update(dict.fromkeys([each.unit.cluster for each in found]))
    return phrases(say("{} ({})", names(natural(where)), what) for what, where in clusters.items())


def _unmerged(pending: Sequence[PendingUnit]) -> Mapping[str, tuple[str, ...]]:
    """The waves that are not merged yet, by cluster."""
    by_wave: dict[str, dict[str, None]] = {}
    for each in pending:
        if each.reason is NotReadyReason.MERGE:
            by_wave.setdefault(each.message, {})[each.unit.cluster] = None
    found: dict[str, tuple[str, ...]] = {}
    for wave in natural(by_wave):
        for cluster in by_wave[wave]:
            found[cluster] = (*found.get(cluster, ()), wave)
    return found


def _waves_text(waves: Sequence[str]) -> Prose:
    verb = "wave {} is not merged" if len(waves) == 1 else "waves {} are not merged"
    return say(verb, names(waves))


def failed_clusters(failed: Sequence[PendingUnit]) -> Prose:
    """Clusters with the components that failed there, without their messages."""
    by_cluster: dict[str, set[str]] = {}
    for each in failed:
        by_cluster.setdefault(each.unit.cluster, set()).add(each.unit.component)
    alike: dict[tuple[str, ...], list[str]] = {}
    for cluster in natural(by_cluster):
        alike.setdefault(tuple(sorted(by_cluster[cluster])), []).append(cluster)
    told = (say("{} failed on {}", names(what), names(where)) for what, where in alike.items())
    return phrases(told, separator="; ")


def approvers(gate: AwaitsApproval) -> Prose:
    """Whose approval is missing: `rita`, `2 of rita, tom`, `a reviewer`."""
    left = gate.needed - len(gate.given)
    if gate.users:
        others = [each for each in gate.users if each not in gate.given]
        named = names(others, 5)
        return named if left == 1 and len(others) == 1 else say(f"{left} of {{}}", named)
    who = "a reviewer" if left == 1 else f"{left} reviewers"
    if gate.author_may_approve:
        return say(who)
    return say(f"{who} who neither wrote nor merged this revision")


def approvers_approve(gate: AwaitsApproval) -> Prose:
    """The same with the verb: `rita approves`, `2 reviewers approve`."""
    one = gate.needed - len(gate.given) == 1
    return say("{} approves" if one else "{} approve", approvers(gate))


def not_ready_text(pending: PendingUnit) -> Prose:
    """What one unit lacks, in a few words."""
    return _overdue(_not_ready_text(pending), pending)


def _overdue(text: Prose, pending: PendingUnit) -> Prose:
    return say("{}, overdue", text) if pending.overdue else text


def _not_ready_text(pending: PendingUnit) -> Prose:
    match pending.reason:
        case NotReadyReason.PRESENT:
            return say("{} is still there", f"{pending.message}/{pending.unit.component}")
        case NotReadyReason.ABSENT:
            return say("not deployed yet")
        case NotReadyReason.MERGE:
            return _waves_text((pending.message,))
        case NotReadyReason.REPORT:
            return say("{}", pending.message) if pending.message else say("no report yet")
        case NotReadyReason.FRESH_REPORT | NotReadyReason.OFFLINE:
            return message(pending.message)
        case NotReadyReason.PROGRESS:
            return say("progressing")
        case NotReadyReason.REPAIR:
            return say("{} failed: {}", pending.unit.component, pending.message)
        case NotReadyReason.SOAK:
            until = f" until {pending.until:%H:%M:%S}" if pending.until else ""
            return say(f"ready, soaking{until}")


def remedy_for(pending: Sequence[PendingUnit]) -> Prose:
    """Who or what makes units ready; follows the verb `clears` or `continues`."""
    lacks = {each.reason for each in pending}
    if NotReadyReason.REPAIR in lacks:
        return say("when the cluster is repaired, or with a new revision")
    overdue = {each.reason for each in pending if each.overdue}
    if NotReadyReason.FRESH_REPORT in lacks or NotReadyReason.OFFLINE in overdue:
        return say("when the cluster reports again; check its agent")
    if NotReadyReason.REPORT in overdue:
        return say("when the cluster reports; check its agent")
    if overdue:
        return say("when the clusters report Ready; check what keeps them from it")
    if lacks == {NotReadyReason.OFFLINE}:
        return say("automatically, when the cluster is back")
    if NotReadyReason.MERGE in lacks:
        waves = sorted({each.message for each in pending if each.reason is NotReadyReason.MERGE})
        verb = "is" if len(waves) == 1 else "are"
        return say(
            f"automatically, when {{}} {verb} merged and the clusters report Ready", names(waves)
        )
    if lacks == {NotReadyReason.SOAK}:
        return say("automatically, when the soak time ends")
    return say("automatically, when the clusters report Ready")
