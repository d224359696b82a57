"""Gates that people and policies set for a wave: freezes, maintenance windows and approvals.

Called by `planners.gating.dependencies`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from planners.gating.change_sets import ChangeSet
from planners.gating.maintenance_windows import next_opening
from planners.gating.rule_changes import needs_person
from planners.model import ApprovalRule
from planners.model.gates import (
    ApprovalReason,
    AwaitsApproval,
    Frozen,
    Gate,
    OutsideWindow,
    UnknownAuthors,
    UnknownOwners,
)
from planners.model.selectors import Selector
from planners.model.snapshot import Approval, MergeRequest, Snapshot
from planners.plan import Plan

ASK_AGAIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class _RequiredApproval:
    """A rule that applies to the wave, and the reason as shown to people."""

    rule: ApprovalRule
    reason: ApprovalReason


def freezes(snapshot: Snapshot, change: ChangeSet) -> Iterator[Gate]:
    """The active freezes that cover a changed cluster."""
    for policy in snapshot.policies:
        for freeze in policy.freezes:
            active = freeze.start <= snapshot.now < freeze.end
            if active and _touches(snapshot, change, freeze.clusters):
                yield Frozen(freeze.name, freeze.end, freeze.reason)


def windows(snapshot: Snapshot, change: ChangeSet) -> Iterator[Gate]:
    """A gate if a changed cluster is outside its maintenance windows."""
    every = [window for policy in snapshot.policies for window in policy.windows]
    if not every:
        return
    touched = frozenset(change.clusters)
    clusters = [each for each in snapshot.clusters if each.name in touched]
    opening = next_opening(clusters, every, snapshot.now)
    if opening.closed:
        yield OutsideWindow(opening.closed, opening.at)


def approvals(
    snapshot: Snapshot,
    change: ChangeSet,
    request: MergeRequest | None,
    plan: Plan,
    *,
    alone: bool = False,
) -> Iterator[Gate]:
    """A gate for every rule whose approvals are missing.

    Approvals count for the current head, from users with the rule's role, and from authors only if
    the rule permits it. Authors are told by their accounts; while there are commits without known
    accounts, any approver could be an author, and no such rule is satisfied (fails closed). Without
    a merge request all approvals are missing. A rollback restores approved content: only rules
    about foreign commits apply to it.

    What rules caused needs a person, unless a policy makes it automatic; it is only while nothing
    else of the application is left to merge (`alone`).
    """
    required = list(_foreign_changes(snapshot, change))
    person = _person(snapshot, change, plan, alone=alone)
    automatic = bool(change.ruled.rules) and person is None
    if plan.restores is None and not automatic:
        by_rule = [] if person is None else [person]
        required = [*_rules(snapshot, change, request), *by_rule, *required]
    if snapshot.unattributed and not all(each.rule.author_may_approve for each in required):
        yield UnknownAuthors(snapshot.unattributed, snapshot.now + ASK_AGAIN)
    needs_owners = any(each.rule.code_owners for each in required)
    if needs_owners and request is not None and request.unknown_owners:
        yield UnknownOwners(request.unknown_owners)
    for each in required:
        yield from _missing(snapshot, request, each)


def _person(
    snapshot: Snapshot, change: ChangeSet, plan: Plan, *, alone: bool
) -> _RequiredApproval | None:
    """The approval that a rule's change needs; None if it needs none, or no rule caused it."""
    rules = change.ruled.rules
    if not rules:
        return None
    why = needs_person(snapshot, plan, rules, change.units)
    if not why and not (alone and change.ruled.alone):
        why = "other changes of the application are not merged yet"
    if not why:
        return None
    names = ", ".join(dict.fromkeys(each.rule for each in rules))
    return _RequiredApproval(ApprovalRule(Selector(), 1), ApprovalReason("rule", f"{names}: {why}"))


def _missing(
    snapshot: Snapshot, request: MergeRequest | None, required: _RequiredApproval
) -> Iterator[Gate]:
    """The gate of one rule; the approvals that do not count are listed by reason."""
    rule = required.rule
    given: list[str] = []
    excluded: list[str] = []
    without_role: list[str] = []
    stale: list[str] = []
    for approval in request.approvals if request else ():
        if not _is_eligible(rule, approval):
            continue
        if request is not None and approval.head != request.head:
            stale.append(approval.user)
        elif approval.role < rule.role:
            without_role.append(approval.user)
        elif approval.account in snapshot.authors and not rule.author_may_approve:
            excluded.append(approval.user)
        else:
            given.append(approval.user)
    if len(given) < rule.count:
        yield AwaitsApproval(
            needed=rule.count,
            given=tuple(given),
            excluded=tuple(excluded),
            reason=required.reason,
            author_may_approve=rule.author_may_approve,
            users=tuple(sorted({*rule.users, *rule.teams})),
            without_role=tuple(without_role),
            role=rule.role,
            stale=tuple(stale),
        )


def _is_eligible(rule: ApprovalRule, approval: Approval) -> bool:
    """Whether the user is among the rule's users and teams, if it has any."""
    if not (rule.users or rule.teams):
        return True
    names = {approval.user, approval.email}
    return bool(names & set(rule.users)) or bool(approval.teams & set(rule.teams))


def _rules(
    snapshot: Snapshot, change: ChangeSet, request: MergeRequest | None
) -> Iterator[_RequiredApproval]:
    """The rules of policies, of code owners where a policy requires them, and of the tenant."""
    for policy in snapshot.policies:
        for rule in policy.approvals:
            if not _touches(snapshot, change, rule.clusters):
                continue
            everywhere = rule.clusters == Selector()
            clusters = str(rule.clusters)
            yield _RequiredApproval(
                rule,
                ApprovalReason(clusters)
                if everywhere
                else ApprovalReason("clusters with", clusters),
            )
            for owners in request.owners if request and rule.code_owners else ():
                names = tuple(sorted(owners))
                owner_rule = replace(rule, count=1, users=names, teams=names)
                yield _RequiredApproval(owner_rule, ApprovalReason("code owners"))
    tenant = snapshot.tenant
    if tenant.approvers or tenant.approver_teams:
        users, teams = tenant.approvers, tenant.approver_teams
        rule = ApprovalRule(Selector(), 1, users=users, teams=teams)
        yield _RequiredApproval(rule, ApprovalReason("tenant", tenant.name))


def _foreign_changes(snapshot: Snapshot, change: ChangeSet) -> Iterator[_RequiredApproval]:
    """One approval is required to overwrite changes that Switchyard did not make."""
    authors = _foreign_authors(snapshot, change)
    if authors:
        reason = ApprovalReason("it overwrites a change by", ", ".join(authors))
        yield _RequiredApproval(ApprovalRule(Selector(), 1), reason)


def _touches(snapshot: Snapshot, change: ChangeSet, selector: Selector) -> bool:
    touched = frozenset(change.clusters)
    return any(each.name in touched and selector.matches(each) for each in snapshot.clusters)


def _foreign_authors(snapshot: Snapshot, change: ChangeSet) -> list[str]:
    """The authors other than Switchyard whose changes this wave would overwrite, sorted."""
    base = snapshot.base
    commits = (base.changes.get(unit) for unit in change.units)
    authors = {each.author for each in commits if each and each.source is None}
    if base.foreign_files:
        files = (each.path for each in change.files if each.path in base.foreign_files)
        authors |= {base.foreign_files[path] for path in files}
    return sorted(authors)
