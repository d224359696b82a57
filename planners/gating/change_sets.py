"""The changes of each wave in the deploy repo: desired files compared with merged ones."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from json.encoder import encode_basestring_ascii as quoted
from operator import attrgetter, itemgetter

from planners.gating.conditions import ConditionReader
from planners.gating.differences import ChangeKind, FileChange, differences
from planners.gating.rule_changes import RuleChange
from planners.model import Unit
from planners.model.fleet_files import FleetFiles
from planners.order import Wave

_unit = attrgetter("unit")
_content = attrgetter("path", "old", "new")


@dataclass(frozen=True)
class ChangeSet:
    """The changes of a wave, and the digest that approvals bind to.

    The digest covers the wave's name, every changed path with both blob ids, and the digest of the
    wave's `conditions`. Commits to other paths of the deploy repo therefore do not change it.
    `unchanged` counts the files that are already as desired. `ruled` says which rules caused it.
    """

    wave: Wave
    files: tuple[FileChange, ...]
    unchanged: int
    digest: str
    conditions: str = ""
    ruled: RuleChange = field(default_factory=RuleChange)

    @cached_property
    def units(self) -> frozenset[Unit]:
        """The units with a changed file."""
        return frozenset(map(_unit, self.files))

    @cached_property
    def clusters(self) -> tuple[str, ...]:
        """The clusters with a changed file, sorted."""
        return tuple(sorted({unit.cluster for unit in self.units}))

    def count(self, kind: ChangeKind) -> int:
        """The number of files with that kind of change."""
        return self._counts[kind]

    @cached_property
    def _counts(self) -> Counter[ChangeKind]:
        return Counter(change.kind for change in self.files)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that stays when nothing else is left in a folder: its path and its blob id."""

    path: str
    blob: str


def compare(
    waves: Iterable[Wave],
    desired: FleetFiles,
    merged: FleetFiles,
    conditions: ConditionReader,
    keep: Mapping[str, KeptFile],
) -> tuple[ChangeSet, ...]:
    """One ChangeSet per wave, in order.

    `keep` has, by cluster, what the folder of its agent lacks and needs before the last unit leaves
    it: the first wave that deletes from such a cluster adds it, and the others need not change.
    """
    staying = {name for each in desired.blocks if each.names for name in each.clusters}
    missing = {cluster: file for cluster, file in keep.items() if cluster not in staying}
    found = []
    for wave in waves:
        files, unchanged = differences(wave.units, merged, None if wave.removal else desired)
        clusters = {unit.cluster for unit in set(map(_unit, files))} if missing else set()
        for cluster in sorted(clusters & missing.keys()):
            unit = next(file.unit for file in files if file.unit.cluster == cluster)
            kept = missing.pop(cluster)
            files.append(FileChange(kept.path, unit, None, kept.blob))
        found.append(_change_set(wave, files, unchanged, conditions))
    return tuple(found)


def change_digest(
    wave: str, files: Iterable[tuple[str, str | None, str | None]], conditions: str
) -> str:
    """The digest of a wave's changes; `files` are (path, blob id before, blob id after).

    Computed from the plan, and again from the branch: if both are equal, the branch contains what
    was approved, under the conditions (their digest; "" for none) under which it was. It is that of
    their canonical JSON, which is written here: a wave has tens of thousands of files.
    """
    bound = f'"conditions":{quoted(conditions)},' if conditions else ""
    told = [
        f"[{quoted(path)},{_json(old)},{_json(new)}]"
        for path, old, new in sorted(files, key=itemgetter(0))
    ]
    text = f'{{{bound}"files":[{",".join(told)}],"wave":{quoted(wave)}}}'
    return hashlib.sha256(text.encode()).hexdigest()


def _json(blob: str | None) -> str:
    return "null" if blob is None else f'"{blob}"'


def _change_set(
    wave: Wave, files: Sequence[FileChange], unchanged: int, conditions: ConditionReader
) -> ChangeSet:
    clusters = {unit.cluster for unit in set(map(_unit, files))}
    bound = conditions.of(wave, clusters).digest if files else ""
    digest = change_digest(wave.name, map(_content, files), bound)
    paths: dict[Unit, list[str]] = {}
    for file in files if conditions.causes.any else ():
        paths.setdefault(file.unit, []).append(file.path)
    ruled = conditions.causes.of(paths, removal=wave.removal)
    return ChangeSet(wave, tuple(files), unchanged, digest, bound, ruled)
