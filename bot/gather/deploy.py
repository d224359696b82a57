"""What is merged in a deploy repo, read again after a merge only where that changed something."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import cast

from bot.engine.results import Results
from bot.gather.merged import TRAILER, with_merged_trailers
from bot.gather.repository import Checkout
from bot.git import CommitInfo, FileDifference, Mirror, RepositoryRefusedError
from planners.model import Registration, Revision
from planners.model.fleet_files import FleetFiles
from planners.model.gate_rules import GateAction
from planners.model.snapshot import Change, DeployBase
from renderers.layout import Layout, kept_file

FILE = 250
"""Bytes that the path of a file takes in memory, about."""

UNIT = 200
MOST_COMMITS = 100
"""How many commits back a kept reading is looked for."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """An application's deploy repo; `whole`: nothing that is kept of earlier commits is used."""

    results: Results
    checkout: Checkout
    registration: Registration

    def key(self, what: str, sha: str) -> tuple[str, object, str, Registration]:
        """Under which a reading of a commit is kept."""
        return what, self.checkout.repo, sha, self.registration

    def since(self, what: str) -> tuple[CommitInfo, ...]:
        """The first-parent commits since the last reading that is kept, the newest first.

        Empty where there is none, or where a kept reading of the newest commit is to be verified.
        """
        mirror, found = self.checkout.mirror, list[CommitInfo]()
        sha = self.checkout.head
        if self.results.find(self.key(what, sha)) is not None:
            return ()
        while len(found) < MOST_COMMITS:
            info = mirror.commit_info(sha)
            found.append(info)
            if not info.parents:
                return ()
            sha = info.parents[0]
            if self.results.find(self.key(what, sha)) is not None:
                return tuple(found)
        return ()


def read_units(results: Results, checkout: Checkout, registration: Registration) -> FleetFiles:
    """The application's files on main, by unit: path -> blob id; once for each commit.

    Clusters whose files are those of a commit that was read before are not read again.
    """
    reading = _Reading(results, checkout, registration)
    make = partial(_read_units, reading)
    key = reading.key("units", checkout.head)
    return results.get(key, make, lambda units: units.size)


def _read_units(reading: _Reading) -> FleetFiles:
    checkout, registration = reading.checkout, reading.registration
    try:
        commits = reading.since("units")
        if commits:
            key = reading.key("units", commits[-1].parents[0])
            changed = checkout.mirror.changed_files(key[2], checkout.head)
            before = cast("FleetFiles | None", reading.results.take(key))
            if before is not None:
                clusters = _clusters(changed)
                new = units_at(checkout, registration, checkout.head, clusters)
                return before.updated(clusters, new)
    except RepositoryRefusedError:  # too much has changed, or an old commit is malformed
        pass
    return units_at(checkout, registration, checkout.head)


def _clusters(changed: Collection[FileDifference]) -> frozenset[str]:
    """The clusters in whose folders files differ."""
    split = (each.path.split("/", 2) for each in changed)
    return frozenset(parts[1] for parts in split if parts[0] == "clusters" and len(parts) > 1)


def read_base(results: Results, checkout: Checkout, registration: Registration) -> DeployBase:
    """The application's files on main, by unit, and who changed them last; once for each commit."""
    reading = _Reading(results, checkout, registration)
    make = partial(_read_base, reading)
    return results.get(reading.key("base", checkout.head), make, _base_size)


def _base_size(base: DeployBase) -> int:
    return UNIT * len(base.entries) + FILE * len(base.foreign_files)


def _read_base(reading: _Reading) -> DeployBase:
    entries = read_units(reading.results, reading.checkout, reading.registration)
    try:
        commits = reading.since("base")
        found = _updated_base(reading, entries, commits) if commits else None
    except RepositoryRefusedError:  # as above
        found = None
    return found or _whole_base(reading, entries)


def _updated_base(
    reading: _Reading, entries: FleetFiles, commits: tuple[CommitInfo, ...]
) -> DeployBase | None:
    """The base from that of an earlier commit, and what was changed since."""
    mirror, registration = reading.checkout.mirror, reading.registration
    key = reading.key("base", commits[-1].parents[0])
    found = cast("DeployBase | None", reading.results.take(key))
    if found is None:
        return None
    layout = Layout.of(registration)
    changes, foreign, touched = dict(found.changes), dict(found.foreign_files), set[str]()
    for info in reversed(commits):
        change = _merged_change(mirror, info, registration.application)
        changed = mirror.changed_files(info.parents[0], info.sha)
        touched |= _clusters(changed)
        for path, _, _ in changed:
            foreign.pop(path, None)
            if change.source is None:
                foreign[path] = change.author
            unit = layout.unit_below(path)
            if unit is not None:
                changes[unit] = change
    if any(unit not in changes for unit in entries):
        return None
    names = entries.clusters
    owners = {path: layout.unit_of(path) for path in foreign}
    merged = {path for path, unit in owners.items() if unit and path in entries.get(unit, {})}
    return DeployBase(
        Revision(registration.deploy, reading.checkout.head),
        entries,
        {unit: changes[unit] for unit in entries},
        {path: foreign[path] for path in foreign.keys() & merged},
        (found.kept_folders & names) - touched | _kept(reading.checkout, touched & names),
    )


def _whole_base(reading: _Reading, entries: FleetFiles) -> DeployBase:
    """The base by looking for the last change of everything.

    Authors are read by file as well as by unit: a file that somebody adds to a unit's folder just
    before a merge of the bot is foreign, though the unit's last change is that merge.
    """
    registration, checkout = reading.registration, reading.checkout
    layout, mirror, sha = Layout.of(registration), checkout.mirror, checkout.head
    application = registration.application
    folders = {
        unit: (layout.objects_folder(unit), layout.sync_file(unit), layout.rules_file(unit))
        for unit in entries
    }
    files = {path: (path,) for unit in entries.values() for path in unit}
    by_unit, by_file = mirror.last_changes(sha, folders), mirror.last_changes(sha, files)
    infos = {info.sha: info for each in (by_unit, by_file) for info in each.values()}
    changes = {each: _merged_change(mirror, info, application) for each, info in infos.items()}
    return DeployBase(
        Revision(registration.deploy, sha),
        entries,
        {unit: changes[info.sha] for unit, info in by_unit.items()},
        {
            path: changes[info.sha].author
            for path, info in by_file.items()
            if changes[info.sha].source is None
        },
        _kept(checkout, entries.clusters),
    )


def _kept(checkout: Checkout, clusters: Collection[str]) -> frozenset[str]:
    """The clusters whose folder has the file that keeps it."""
    found = checkout.mirror.entries(checkout.head, tuple(map(kept_file, sorted(clusters))))
    return frozenset(cluster for cluster in clusters if kept_file(cluster) in found)


def units_at(
    checkout: Checkout,
    registration: Registration,
    sha: str,
    clusters: Collection[str] | None = None,
) -> FleetFiles:
    """The application's files at a commit of the deploy repo: unit -> path -> blob id.

    Only on some clusters, if they are given.
    """
    layout, mirror = Layout.of(registration), checkout.mirror
    prefixes = tuple(
        prefix
        for cluster in mirror.folders(sha, "clusters")
        if clusters is None or cluster in clusters
        for prefix in (
            layout.sync_folder(cluster),
            layout.application_folder(cluster),
            layout.rules_folder(cluster),
        )
    )
    return FleetFiles.of(layout.by_unit(mirror.entries(sha, prefixes)))


def changed_by(results: Results, checkout: Checkout, sha: str) -> tuple[FileDifference, ...]:
    """The files that differ between a commit and its only parent; none if it has several."""

    def read() -> tuple[FileDifference, ...]:
        parents = checkout.mirror.commit_info(sha).parents
        return checkout.mirror.changed_files(parents[0], sha) if len(parents) == 1 else ()

    key = "changed", checkout.repo, sha
    return results.get(key, read, lambda changed: FILE * len(changed))


def _merged_change(mirror: Mirror, info: CommitInfo, application: str) -> Change:
    """The change of a commit on main, which may merge one of ours."""
    return _change(with_merged_trailers(mirror, info), application)


def _change(info: CommitInfo, application: str) -> Change:
    """The bot's where the commit has its trailers for this application, or merges one that has."""
    ours = info.trailers.get(TRAILER) == application
    source = info.trailers.get("Switchyard-Source", "").rpartition("@")[2] if ours else None
    updates = GateAction.UPDATE in info.trailers.get("Switchyard-Actions", "").split(", ")
    return Change(
        info.sha, info.at, info.author_name, source or None, rejected(info), updates=updates
    )


def rejected(info: CommitInfo) -> str | None:
    """The app revision that a commit of the bot rolls back."""
    return info.trailers.get("Switchyard-Rollback", "").rpartition("@")[2] or None
