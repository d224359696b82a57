"""What people and policies say of a wave: freezes, windows, approvals. Called by `waits`."""

from collections.abc import Iterator
from dataclasses import replace

from planners.gating.change_sets import ChangeSet
from planners.gating.maintenance_windows import next_opening
from planners.model import ApprovalRule
from planners.model.gates import AwaitsApproval, Frozen, Gate, OutsideWindow
from planners.model.selectors import Selector
from planners.model.snapshot import Approval, MergeRequest, Snapshot
from planners.plan import Plan


def freezes(snapshot: Snapshot, change: ChangeSet) -> Iterator[Gate]:
    """Every freeze that covers a touched cluster now."""
    for policy in snapshot.policies:
        for freeze in policy.freezes:
            begun = freeze.start <= snapshot.now < freeze.end
            if begun and _touches(snapshot, change, freeze.clusters):
                yield Frozen(freeze.name, freeze.end, freeze.reason)


def windows(snapshot: Snapshot, change: ChangeSet) -> Iterator[Gate]:
    """Some touched cluster may not be changed at this hour."""
    every = [window for policy in snapshot.policies for window in policy.windows]
    touched = frozenset(change.clusters)
    clusters = [each for each in snapshot.clusters if each.name in touched]
    opening, closed = next_opening(clusters, every, snapshot.now)
    if closed:
        yield OutsideWindow(closed, opening)


def approvals(
    snapshot: Snapshot, change: ChangeSet, request: MergeRequest | None, plan: Plan
) -> Iterator[Gate]:
    """Only approvals of the head by people of the rule's role count; an author's where it says so.

    Before there is a merge request all of them are missing. A rollback brings back what was
    approved before: only what others wrote since is asked for.
    """
    rules = _others_work(snapshot, change)
    if plan.restores is None:
        rules = (*_rules(snapshot, change, request), *rules)
    for rule, reason in rules:
        given: list[str] = []
        excluded: list[str] = []
        without_role: list[str] = []
        stale: list[str] = []
        for approval in request.approvals if request else ():
            if not _named(rule, approval):
                continue
            if request is not None and approval.head != request.head:
                stale.append(approval.user)
                continue
            own = bool({approval.email.lower(), f"@{approval.user}"} & snapshot.authors)
            if approval.role < rule.role:
                without_role.append(approval.user)
            else:
                counts = rule.author_may_approve or not own
                (given if counts else excluded).append(approval.user)
        if len(given) < rule.count:
            yield AwaitsApproval(
                rule.count,
                tuple(given),
                tuple(excluded),
                reason,
                rule.author_may_approve,
                tuple(sorted({*rule.users, *rule.teams})),
                tuple(without_role),
                rule.role,
                tuple(stale),
            )


def _named(rule: ApprovalRule, approval: Approval) -> bool:
    """Whether the rule, where it names people or teams, names this one."""
    if not (rule.users or rule.teams):
        return True
    mine = {approval.user, approval.email}
    return bool(mine & set(rule.users)) or bool(approval.teams & set(rule.teams))


def _rules(
    snapshot: Snapshot, change: ChangeSet, request: MergeRequest | None
) -> Iterator[tuple[ApprovalRule, str]]:
    """The rules of policies and of the tenant for this wave, and of owners where a policy asks."""
    for policy in snapshot.policies:
        for rule in policy.approvals:
            if _touches(snapshot, change, rule.clusters):
                yield rule, f"clusters with {rule.clusters}"
                for owners in request.owners if request and rule.code_owners else ():
                    names = tuple(sorted(owners))
                    yield replace(rule, count=1, users=names, teams=names), "code owners"
    tenant = snapshot.tenant
    if tenant.approvers or tenant.approver_teams:
        users, teams = tenant.approvers, tenant.approver_teams
        yield ApprovalRule(Selector(), 1, users=users, teams=teams), f"tenant {tenant.name}"


def _others_work(snapshot: Snapshot, change: ChangeSet) -> tuple[tuple[ApprovalRule, str], ...]:
    outsiders = _outsiders(snapshot, change)
    if not outsiders:
        return ()
    return ((ApprovalRule(Selector(), 1), f"it overwrites a change by {outsiders}"),)


def _touches(snapshot: Snapshot, change: ChangeSet, selector: Selector) -> bool:
    touched = frozenset(change.clusters)
    return any(each.name in touched and selector.matches(each) for each in snapshot.clusters)


def _outsiders(snapshot: Snapshot, change: ChangeSet) -> str:
    """Who, other than Switchyard, last changed what this wave is about to overwrite."""
    base = snapshot.base
    last = (base.changes.get(unit) for unit in change.units)
    authors = {each.author for each in last if each and each.source is None}
    authors |= {
        base.foreign_files[each.path] for each in change.files if each.path in base.foreign_files
    }
    return ", ".join(sorted(authors))
