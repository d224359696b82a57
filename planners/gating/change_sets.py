"""What each wave changes in the deploy repo: what should be against what is merged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from planners.model import Unit
from planners.order import Wave
from planners.plan import digest_of


class ChangeKind(StrEnum):
    """Flux's words for what happened to an object."""

    CREATED = "created"
    CONFIGURED = "configured"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file: blob id before (None: it is new) and after (None: it goes)."""

    path: str
    unit: Unit
    old: str | None
    new: str | None

    @property
    def kind(self) -> ChangeKind:
        """Created, configured or deleted."""
        if self.old is None:
            return ChangeKind.CREATED
        return ChangeKind.DELETED if self.new is None else ChangeKind.CONFIGURED


@dataclass(frozen=True)
class ChangeSet:
    """What a wave changes, and the digest that an approval of it binds to.

    The digest covers the wave's name and every changed path with both blob ids: a deploy branch
    that moves elsewhere leaves it as it is. `unchanged` counts the files that are right already.
    """

    wave: Wave
    files: tuple[FileChange, ...]
    unchanged: int
    digest: str

    @cached_property
    def units(self) -> frozenset[Unit]:
        """The units with a changed file."""
        return frozenset(change.unit for change in self.files)

    @cached_property
    def clusters(self) -> tuple[str, ...]:
        """The clusters with a changed file, sorted."""
        return tuple(sorted({unit.cluster for unit in self.units}))

    def count(self, kind: ChangeKind) -> int:
        """How many files are changed that way."""
        return sum(change.kind is kind for change in self.files)


def compare(
    waves: Iterable[Wave],
    desired: Mapping[Unit, Mapping[str, str]],
    merged: Mapping[Unit, Mapping[str, str]],
) -> tuple[ChangeSet, ...]:
    """One ChangeSet for each wave, in their order; both mappings are unit -> path -> blob id."""
    return tuple(_change_set(wave, desired, merged) for wave in waves)


def change_digest(wave: str, files: Iterable[tuple[str, str | None, str | None]]) -> str:
    """The digest of a wave's change: its name and every path with its blob id before and after.

    Computed from a plan and again from a branch: what merges is what was approved when both agree.
    """
    return digest_of({"wave": wave, "files": [list(file) for file in sorted(files)]})


def _change_set(
    wave: Wave,
    desired: Mapping[Unit, Mapping[str, str]],
    merged: Mapping[Unit, Mapping[str, str]],
) -> ChangeSet:
    files, unchanged = [], 0
    for unit in wave.units:
        new = {} if wave.removal else desired.get(unit, {})
        old = merged.get(unit, {})
        for path in sorted(old.keys() | new.keys()):
            if old.get(path) == new.get(path):
                unchanged += 1
            else:
                files.append(FileChange(path, unit, old.get(path), new.get(path)))
    digest = change_digest(wave.name, ((file.path, file.old, file.new) for file in files))
    return ChangeSet(wave, tuple(files), unchanged, digest)
