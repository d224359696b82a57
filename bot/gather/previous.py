"""The previous deployment: an application's files before the rollout of a revision began."""

from collections.abc import Iterator

from bot.engine.results import Results
from bot.gather.deploy import rejected, units_at
from bot.gather.merged import TRAILER, with_merged_trailers
from bot.gather.repository import Checkout
from bot.git import CommitInfo
from planners.model import Application, OnFailure, Registration, Revision
from planners.model.snapshot import PreviousDeployment

MOST_COMMITS = 5_000


def read_previous(
    results: Results,
    checkout: Checkout,
    registration: Registration,
    application: Application,
    sha: str,
    *,
    requested: bool,
    to: str = "",
) -> PreviousDeployment | None:
    """The files before the rollout of app revision `sha`, or after the last one of revision `to`.

    None where nothing of the revision is merged, where it is the application's first, and where
    neither a command `requested` a rollback nor a failure would cause one.
    """
    needs = (need for part in application.components for need in part.depends_on)
    on_failure = {application.on_failure, *(need.on_failure for need in needs)}
    if not requested and OnFailure.ROLLBACK not in on_failure:
        return None
    before = (
        _after(checkout, application.name, to) if to else _before(checkout, application.name, sha)
    )
    if before is None:
        return None
    key = "previous", checkout.repo, before, checkout.head, registration
    return results.get(key, lambda: _deployment(checkout, registration, before), _size)


def _size(previous: PreviousDeployment | None) -> int:
    if previous is None:
        return 0
    return previous.entries.size + sum(map(len, previous.contents.values()))


def _deployment(
    checkout: Checkout, registration: Registration, before: str
) -> PreviousDeployment | None:
    """The files at a commit, with the content of those that have changed since."""
    mirror, entries = checkout.mirror, units_at(checkout, registration, before)
    if not entries:
        return None
    current = {
        (path, blob)
        for files in units_at(checkout, registration, checkout.head).values()
        for path, blob in files.items()
    }
    replaced = {
        blob
        for files in entries.values()
        for path, blob in files.items()
        if (path, blob) not in current
    }
    contents = {blob: mirror.blob(blob) for blob in sorted(replaced)}
    return PreviousDeployment(Revision(checkout.repo, before), entries, contents)


def revisions(checkout: Checkout, application: str) -> tuple[str, ...]:
    """The app revisions that were rolled out, newest first, rolled back ones included."""
    every = (_source(info) for info in _commits(checkout, application) if rejected(info) is None)
    return tuple(dict.fromkeys(every))


def _before(checkout: Checkout, application: str, sha: str) -> str | None:
    """The parent of the first commit of the newest unbroken run of commits for a revision."""
    found = None
    for info in _commits(checkout, application):
        if sha not in {_source(info), rejected(info)}:
            break
        found = info.parents[0] if info.parents else None
    return found


def _after(checkout: Checkout, application: str, sha: str) -> str | None:
    """The parent of the first commit that followed the newest one of a revision."""
    found = None
    for info in _commits(checkout, application):
        if _source(info) == sha and rejected(info) is None:
            return found
        found = info.parents[0] if info.parents else None
    return None


def _source(info: CommitInfo) -> str:
    return info.trailers.get("Switchyard-Source", "").rpartition("@")[2]


def _commits(checkout: Checkout, application: str) -> Iterator[CommitInfo]:
    """The commits on main for an application, the newest first."""
    info = checkout.mirror.commit_info(checkout.head)
    for _ in range(MOST_COMMITS):
        merged = with_merged_trailers(checkout.mirror, info)
        if merged.trailers.get(TRAILER) == application:
            yield merged
        if not info.parents:
            return
        info = checkout.mirror.commit_info(info.parents[0])
