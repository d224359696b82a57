"""The differences between two states of units' files, a component at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, repeat
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from planners.model import Unit
from planners.model.fleet_files import Block, Column, FleetFiles, Rows
from planners.model.unit_files import folder_of


class ChangeKind(StrEnum):
    """How a file changes, in Flux's terms."""

    CREATED = "created"
    CONFIGURED = "configured"
    DELETED = "deleted"


class FileChange(NamedTuple):
    """The change of one file: its blob id before (None: created) and after (None: deleted).

    A tuple, because a plan has one for each file on each cluster.
    """

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


@dataclass(frozen=True, slots=True)
class _Side:
    """The rows of some clusters in the blocks of a component; -1 stands for none."""

    blocks: tuple[Block, ...]
    which: Rows
    rows: Rows

    @classmethod
    def of(cls, files: FleetFiles | None, component: str, clusters: Sequence[str]) -> "_Side":
        blocks = files.by_component.get(component, ()) if files is not None else ()
        which, rows = np.full(len(clusters), -1), np.full(len(clusters), -1)
        for index, block in enumerate(blocks):
            of = block.rows
            found = np.array([of.get(each, -1) for each in clusters], np.intp)
            which[found >= 0] = index
            rows = np.maximum(rows, found)
        return cls(blocks, which, rows)

    def column(self, block: int, name: str) -> Column | None:
        """The column of a file in a block."""
        if block < 0 or name not in self.blocks[block].names:
            return None
        return self.blocks[block].columns[self.blocks[block].names.index(name)]


def differences(
    units: Sequence[Unit], old: FleetFiles, new: FleetFiles | None
) -> tuple[list[FileChange], int]:
    """What differs between two states of units, in their order and by path; how much does not.

    Without a new one, they are deleted.
    """
    found, unchanged = list[FileChange](), 0
    for component, same in groupby(units, itemgetter(0)):
        every = list(same)
        clusters = [each.cluster for each in every]
        before, after = _Side.of(old, component, clusters), _Side.of(new, component, clusters)
        pairs = set(zip(before.which.tolist(), after.which.tolist(), strict=True))
        changed = list[FileChange]()
        for pair in sorted(pairs - {(-1, -1)}):
            at = np.flatnonzero((before.which == pair[0]) & (after.which == pair[1]))
            changed += _changed(every, at, before, after)
            names = {e for s, b in zip((before, after), pair, strict=True) for e in _names(s, b)}
            unchanged += len(names) * len(at)
        if len(pairs) > 1:
            order = {unit: row for row, unit in enumerate(every)}
            changed.sort(key=lambda each: order[each.unit])
        unchanged -= len(changed)
        found += changed
    return found, unchanged


def _names(side: _Side, block: int) -> tuple[str, ...]:
    return side.blocks[block].names if block >= 0 else ()


def _changed(units: Sequence[Unit], at: Rows, before: _Side, after: _Side) -> Iterator[FileChange]:
    """The differences of units, by position, that are of one block before and of one after."""
    one, two = int(before.which[at[0]]), int(after.which[at[0]])
    every = [units[row] for row in at.tolist()]
    folders = [folder_of(unit.cluster) for unit in every]
    found, rows = list[FileChange](), list[Rows]()
    for name in sorted({*_names(before, one), *_names(after, two)}):
        old, new = before.column(one, name), after.column(two, name)
        differ: Rows = np.arange(len(at))
        if old is not None and new is not None:
            differ = np.flatnonzero(old.raw[before.rows[at]] != new.raw[after.rows[at]])
        rows.append(differ)
        olds = repeat(None) if old is None else old.texts(before.rows[at[differ]])
        news = repeat(None) if new is None else new.texts(after.rows[at[differ]])
        where = differ.tolist()
        paths, of = (folders[row] + name for row in where), (every[row] for row in where)
        found += map(FileChange, paths, of, olds, news)
    order = np.argsort(np.concatenate(rows), kind="stable") if rows else ()
    return (found[position] for position in order)
