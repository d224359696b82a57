"""Who has a hand in a revision of the app repo: asked from its forge, by account."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.context import Context, KnownContributors
from bot.forges import MAX_COMMIT_RANGE, CommitRange, Contributors
from bot.gather.repository import Checkout
from planners.model import UnattributedCommit, account_id
from planners.model.snapshot import Snapshot

MAX_CACHED = 200
RETRY = timedelta(minutes=1)


async def with_authors(context: Context, app: Checkout, snapshot: Snapshot) -> Snapshot:
    """The Snapshot with the authors of its revision, where some approval could be required.

    Raises:
        ForgeError: the forge cannot be asked.
    """
    if not _may_require_approval(snapshot):
        return snapshot
    commits = await asyncio.to_thread(_new_commits, app, snapshot)
    found = await _contributors(context, app, commits)
    forge = app.repo.forge
    unattributed = found.unattributed
    if snapshot.registration.deploy.forge != forge:
        unattributed = (*unattributed, _other_forge(snapshot, app))
    accounts = frozenset(account_id(forge, each) for each in found.accounts)
    return replace(snapshot, authors=accounts, unattributed=unattributed)


def _may_require_approval(snapshot: Snapshot) -> bool:
    """Whether a policy, the tenant or a change by others could require an approval."""
    tenant, base = snapshot.tenant, snapshot.base
    return bool(
        any(policy.approvals for policy in snapshot.policies)
        or tenant.approvers
        or tenant.approver_teams
        or base.foreign_files
        or any(change.source is None for change in base.changes.values())
    )


def _new_commits(app: Checkout, snapshot: Snapshot) -> CommitRange:
    """The commits since what is deployed."""
    deployed = {each.source for each in snapshot.base.changes.values() if each.source}
    sha = snapshot.revision.sha
    found = app.mirror.new_commits(sha, tuple(sorted(deployed)), MAX_COMMIT_RANGE)
    branch = app.info.default_branch
    return CommitRange(branch, sha, found.parents, found.addresses, found.complete)


async def _contributors(context: Context, app: Checkout, commits: CommitRange) -> Contributors:
    """What the forge tells; kept, since the history of merged commits does not change.

    An answer with gaps is asked for again after a minute: a forge may tell of a push late.
    """
    key, now = (app.repo, commits.head, frozenset(commits.parents)), context.clock()
    known = context.contributors.get(key)
    if known is not None and (not known.found.unattributed or now < known.at + RETRY):
        return known.found
    found = await context.forge(app.repo).contributors(app.repo.path, commits)
    while len(context.contributors) >= MAX_CACHED:
        del context.contributors[next(iter(context.contributors))]
    context.contributors[key] = KnownContributors(found, now)
    return found


def _other_forge(snapshot: Snapshot, app: Checkout) -> UnattributedCommit:
    """Accounts of two forges cannot be compared: nobody can be ruled out as an author."""
    deploy = snapshot.registration.deploy
    return UnattributedCommit(
        snapshot.revision.sha,
        f"its authors have accounts on {app.repo.forge}, approvals are given on {deploy.forge}, "
        "and nothing tells which of them belong to one person",
        "with a policy that sets authorMayApprove",
    )
