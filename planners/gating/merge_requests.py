"""Merge requests of waves: their own gates, and the effects that open, update and close them.

Branch names derive from application and wave alone, so that a restarted service finds the existing
branch and never creates a second one.
"""

from collections.abc import Collection, Iterator, Sequence

from planners.gating.change_sets import ChangeSet
from planners.gating.effects import (
    CloseMergeRequest,
    Effect,
    OpenMergeRequest,
    PushBranch,
    UpdateMergeRequest,
)
from planners.model.gates import (
    ClosedByPerson,
    Conflicts,
    ForeignCommit,
    Gate,
    NotProposed,
    OpenedByPerson,
)
from planners.model.snapshot import MergeRequest, MergeRequestState, Snapshot

PREFIX = "switchyard"


def branch_prefix(application: str) -> str:
    """The common prefix of an application's branches."""
    return f"{PREFIX}/{application}/"


def open_request(snapshot: Snapshot, wave: str) -> MergeRequest | None:
    """The open merge request of a wave."""
    return _newest(snapshot, wave, MergeRequestState.OPEN)


def _newest(snapshot: Snapshot, wave: str, state: MergeRequestState) -> MergeRequest | None:
    requests = (
        each
        for each in snapshot.merge_requests
        if not each.wrong_target and each.wave == wave and each.state is state
    )
    return max(requests, key=lambda request: request.number, default=None)


def _closed_by_person(snapshot: Snapshot, change: ChangeSet) -> MergeRequest | None:
    """The newest closed merge request of the wave with this change, if a person closed it.

    Others that were closed since had other changes: nobody has taken this decision back.
    """
    closed = [
        each
        for each in snapshot.merge_requests
        if each.state is MergeRequestState.CLOSED
        and not each.wrong_target
        and each.wave == change.wave.name
        and each.described_digest == change.digest
    ]
    newest = max(closed, key=lambda request: request.number, default=None)
    return newest if newest is not None and newest.closed_by is not None else None


def closed_gates(
    snapshot: Snapshot, change: ChangeSet, request: MergeRequest | None
) -> Iterator[Gate]:
    """The closed gates of the merge request itself; `dependencies` has those of the wave."""
    if request is None:
        yield _not_proposed(snapshot, change)
    elif request.branch is not None and request.branch.foreign_author is not None:
        yield ForeignCommit(request.branch.foreign_author, request.branch.head)
    elif not shows(request, change):
        yield NotProposed(snapshot.refused_branches.get(request.branch_name, ""), is_open=True)
    elif request.conflicts:
        yield Conflicts()


def _not_proposed(snapshot: Snapshot, change: ChangeSet) -> Gate:
    """Why Switchyard has no open merge request for a wave."""
    closed = _closed_by_person(snapshot, change)
    if closed is not None and closed.closed_by is not None:
        return ClosedByPerson(closed.closed_by, closed.number)
    branch = _branch(snapshot, change)
    foreign_branch = snapshot.foreign_branches.get(branch)
    if foreign_branch is None:
        return NotProposed(snapshot.refused_branches.get(branch, ""))
    if foreign_branch.number is not None:
        return OpenedByPerson(foreign_branch.user, foreign_branch.number)
    return ForeignCommit(foreign_branch.user, foreign_branch.head)


def _branch(snapshot: Snapshot, change: ChangeSet) -> str:
    return branch_prefix(snapshot.application.name) + change.wave.name


def shows(request: MergeRequest, change: ChangeSet) -> bool:
    """Whether branch, forge and description all have this change."""
    branch = request.branch
    return (
        branch is not None
        and branch.head == request.head
        and branch.digest == request.described_digest == change.digest
    )


def propose(
    snapshot: Snapshot, changes: Sequence[ChangeSet], waiting: Collection[str] = ()
) -> Iterator[Effect]:
    """The effects that bring merge requests in line with the changes; pushes come first.

    Those of the waves in `waiting`, whose changes are not known yet, stay as they are.
    Merge requests that target another branch, because the default branch was renamed, are closed
    before new ones are opened.
    """
    base = snapshot.base.revision.sha
    after: list[Effect] = [
        CloseMergeRequest(each.number, each.branch_name)
        for each in snapshot.merge_requests
        if each.state is MergeRequestState.OPEN and each.wrong_target
    ]
    for change in changes:
        if not change.files:
            continue
        branch = _branch(snapshot, change)
        request = open_request(snapshot, change.wave.name)
        if request is None:
            foreign = branch in snapshot.foreign_branches
            if not foreign and _closed_by_person(snapshot, change) is None:
                yield PushBranch(branch, change, base, snapshot.branches.get(branch))
                after.append(OpenMergeRequest(branch, change))
            continue
        if request.branch is not None and request.branch.foreign_author is not None:
            continue
        if request.branch is None or request.branch.digest != change.digest or request.conflicts:
            expected = request.branch.head if request.branch else None
            yield PushBranch(branch, change, base, expected)
        if request.described_digest != change.digest:
            after.append(UpdateMergeRequest(request.number, change))
    yield from after
    yield from _close_obsolete(snapshot, changes, waiting)


def rebuild(snapshot: Snapshot, change: ChangeSet, request: MergeRequest) -> PushBranch:
    """The same change on main's head."""
    base = snapshot.base.revision.sha
    return PushBranch(request.branch_name, change, base, request.head)


def _close_obsolete(
    snapshot: Snapshot, changes: Sequence[ChangeSet], waiting: Collection[str]
) -> Iterator[Effect]:
    """Close the open merge requests of waves without a change."""
    waves = {change.wave.name for change in changes if change.files}.union(waiting)
    for request in snapshot.merge_requests:
        obsolete = request.wave not in waves and not request.wrong_target
        if request.state is MergeRequestState.OPEN and obsolete:
            yield CloseMergeRequest(request.number, request.branch_name)
