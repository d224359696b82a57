"""What is merged in a deploy repo."""

from bot.gather.merged import TRAILER, with_merged_trailers
from bot.gather.repository import Checkout
from bot.git import CommitInfo, FileDifference
from bot.results import Results
from planners.model import Registration, Revision, Unit
from planners.model.snapshot import Change, DeployBase
from renderers.layout import Layout, kept_file

FILE = 600
"""Bytes that the path and the blob id of a file take in memory, about."""


def read_base(results: Results, checkout: Checkout, registration: Registration) -> DeployBase:
    """The application's files on main, by unit, and who changed them last; once for each commit."""
    key = "base", checkout.repo, checkout.head, registration
    return results.get(key, lambda: _read_base(checkout, registration), _base_size)


def _base_size(base: DeployBase) -> int:
    return FILE * sum(map(len, base.entries.values()))


def _read_base(checkout: Checkout, registration: Registration) -> DeployBase:
    """The application's files, by unit, and who changed them last.

    Authors are read by file as well as by unit: a file that somebody adds to a unit's folder just
    before a merge of the bot is foreign, though the unit's last change is that merge.
    """
    layout = Layout.of(registration)
    mirror, sha = checkout.mirror, checkout.head
    entries = units_at(checkout, registration, sha)
    folders = {unit: (layout.objects_folder(unit), layout.sync_file(unit)) for unit in entries}
    files = {path: (path,) for unit in entries.values() for path in unit}
    by_unit, by_file = mirror.last_changes(sha, folders), mirror.last_changes(sha, files)
    commits = {info.sha: info for info in (*by_unit.values(), *by_file.values())}
    merged = {each: with_merged_trailers(mirror, info) for each, info in commits.items()}
    changes = {
        unit: _change(merged[info.sha], registration.application) for unit, info in by_unit.items()
    }
    foreign = {
        path: change.author
        for path, info in by_file.items()
        if (change := _change(merged[info.sha], registration.application)).source is None
    }
    clusters = {unit.cluster for unit in entries}
    kept = mirror.entries(sha, tuple(map(kept_file, sorted(clusters))))
    return DeployBase(
        Revision(registration.deploy, sha),
        entries,
        changes,
        foreign,
        frozenset(cluster for cluster in clusters if kept_file(cluster) in kept),
    )


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


def changed_by(results: Results, checkout: Checkout, sha: str) -> tuple[FileDifference, ...]:
    """The files that differ between a commit and its only parent; none if it has several."""

    def read() -> tuple[FileDifference, ...]:
        parents = checkout.mirror.commit_info(sha).parents
        return checkout.mirror.changed_files(parents[0], sha) if len(parents) == 1 else ()

    key = "changed", checkout.repo, sha
    return results.get(key, read, lambda changed: FILE * len(changed))


def _change(info: CommitInfo, application: str) -> Change:
    """The bot's where the commit has its trailers for this application, or merges one that has."""
    ours = info.trailers.get(TRAILER) == application
    source = info.trailers.get("Switchyard-Source", "").rpartition("@")[2] if ours else None
    return Change(info.sha, info.at, info.author_name, source or None, rejected(info))


def rejected(info: CommitInfo) -> str | None:
    """The app revision that a commit of the bot rolls back."""
    return info.trailers.get("Switchyard-Rollback", "").rpartition("@")[2] or None
