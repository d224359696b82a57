"""What is merged in a deploy repo, and what is proposed there."""

import asyncio
from collections.abc import Mapping

from bot.forges import ForgeMergeRequest
from bot.gather.repository import Checkout
from bot.repos import CommitInfo
from bot.shell import Shell
from planners.changes import change_digest
from planners.model import Registration, Revision, Unit
from planners.proposals import branch_prefix
from planners.snapshot import (
    Approval,
    Branch,
    Change,
    DeployBase,
    MergeRequest,
    MergeRequestState,
)
from renderers.layout import Layout

MARKER = "wave"


def read_base(checkout: Checkout, registration: Registration) -> DeployBase:
    """The application's files on main, by unit, and the last commit that changed each unit."""
    layout = Layout.of(registration)
    mirror, sha = checkout.mirror, checkout.head
    entries = units_at(checkout, registration, sha)
    folders = {unit: (layout.objects_folder(unit), layout.sync_file(unit)) for unit in entries}
    changes = {
        unit: _change(info, registration.application)
        for unit, info in mirror.last_changes(sha, folders).items()
    }
    return DeployBase(Revision(registration.deploy, sha), entries, changes)


def units_at(
    checkout: Checkout, registration: Registration, sha: str
) -> dict[Unit, dict[str, str]]:
    """The application's files at a commit of the deploy repo: unit -> path -> blob id."""
    layout, mirror = Layout.of(registration), checkout.mirror
    prefixes = tuple(
        prefix
        for cluster in mirror.folders(sha, "clusters")
        for prefix in (layout.sync_folder(cluster), layout.application_folder(cluster))
    )
    entries: dict[Unit, dict[str, str]] = {}
    for path, blob in mirror.entries(sha, prefixes).items():
        unit = layout.unit_of(path)
        if unit is not None:
            entries.setdefault(unit, {})[path] = blob
    return entries


def _change(info: CommitInfo, application: str) -> Change:
    """Ours when the commit carries our trailers for this application."""
    ours = info.trailers.get("Switchyard-Application") == application
    source = info.trailers.get("Switchyard-Source", "").rpartition("@")[2] if ours else None
    return Change(info.sha, info.at, info.author_name, source or None, rejected(info))


def rejected(info: CommitInfo) -> str | None:
    """The app revision that a commit of ours takes back."""
    return info.trailers.get("Switchyard-Rollback", "").rpartition("@")[2] or None


async def read_merge_requests(
    shell: Shell, checkout: Checkout, registration: Registration
) -> tuple[MergeRequest, ...]:
    """Our merge requests for this application: all open ones, the newest closed of each wave."""
    forge, repo = shell.forge(registration.deploy), registration.deploy
    me = await forge.me()
    prefix = branch_prefix(registration.application)
    layout = Layout.of(registration)
    found: list[MergeRequest] = []
    closed: set[str] = set()
    for each in await forge.merge_requests(repo.path, state="all", branch_prefix=prefix):
        marker = shell.markers.read(MARKER, repo, each.body)
        wave = each.source_branch.removeprefix(prefix)
        if each.author.id != me.id or marker is None or marker.get("wave") != wave:
            continue
        if each.state == MergeRequestState.OPEN:
            found.append(await _open(shell, checkout, layout, each, wave, marker))
        elif each.state == MergeRequestState.CLOSED and wave not in closed:
            closed.add(wave)
            by = None if each.closed_by == me.login else each.closed_by
            found.append(_plain(each, wave, marker, closed_by=by))
    return tuple(sorted(found, key=lambda request: request.number))


def _plain(
    each: ForgeMergeRequest, wave: str, marker: Mapping[str, str], closed_by: str | None
) -> MergeRequest:
    return MergeRequest(
        number=each.number,
        wave=wave,
        branch_name=each.source_branch,
        state=MergeRequestState(each.state),
        url=each.url,
        head=each.head,
        described=marker.get("digest"),
        closed_by=closed_by,
    )


async def _open(  # noqa: PLR0917 - two places to read from, and what was read already
    shell: Shell,
    checkout: Checkout,
    layout: Layout,
    each: ForgeMergeRequest,
    wave: str,
    marker: Mapping[str, str],
) -> MergeRequest:
    forge = shell.forge(checkout.repo)
    reviews = await forge.reviews(checkout.repo.path, each.number)
    branch = await asyncio.to_thread(_branch, checkout, layout, each.source_branch, wave)
    return MergeRequest(
        number=each.number,
        wave=wave,
        branch_name=each.source_branch,
        state=MergeRequestState.OPEN,
        url=each.url,
        head=each.head,
        branch=branch,
        labels=each.labels,
        approvals=tuple(
            Approval(review.user.login, review.user.email, review.head)
            for review in reviews
            if not review.user.bot
        ),
        described=marker.get("digest"),
        conflicts=each.conflicts,
    )


def _branch(checkout: Checkout, layout: Layout, name: str, wave: str) -> Branch | None:
    """The branch as Git has it: ours when its one commit above main is what its trailers say.

    The digest is computed anew from the commit's difference to its parent, so that nobody can add a
    change, or edit one, and keep the approval.
    """
    mirror = checkout.mirror
    head = mirror.head(name)
    if head is None:
        return None
    info = mirror.commit_info(head)
    digest = info.trailers.get("Switchyard-Digest")
    changed = tuple(mirror.changed_files(info.parents[0], head)) if len(info.parents) == 1 else ()
    ours = (
        len(info.parents) == 1
        and mirror.contains(checkout.head, info.parents[0])
        and change_digest(wave, changed) == digest
    )
    written = (layout.unit_of(path) for path, _, new in changed if new is not None)
    return Branch(
        head=head,
        digest=digest,
        fleet_sha=info.trailers.get("Switchyard-Fleet", "").rpartition("@")[2] or None,
        foreign_author=None if ours else info.author_name,
        units=frozenset(unit for unit in written if unit is not None) if ours else frozenset(),
        rejects=rejected(info) if ours else None,
    )
