"""The files of all units of an application, as columns: a fleet has a hundred thousand units.

Units of a component with the same names of files are a block. It has a column of blob ids for each
name, with a row for each cluster. What somebody asks of one unit is made for him.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress, groupby, repeat
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from planners.model.basics import Unit, clusters_by_component
from planners.model.unit_files import UnitFiles, folder_of

RAW_ID = 20
"""Bytes of a blob id."""

COLUMN, UNIT = 600, 50
"""Bytes that a column takes besides its ids, and a unit where it is looked up, about."""

RawIds: TypeAlias = NDArray[np.void]
Rows: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The blob ids of one file: those that differ, and by position which of them each row has."""

    distinct: bytes
    codes: "array[int]"

    @classmethod
    def of(cls, ids: Iterable[bytes]) -> "Column":
        """The column of raw ids."""
        known: dict[bytes, int] = {}
        codes = [known.setdefault(each, len(known)) for each in ids]
        return cls(b"".join(known), array("B" if len(known) <= 1 << 8 else "I", codes))

    @property
    def raw(self) -> RawIds:
        """The id of each row."""
        found: RawIds = np.frombuffer(self.distinct, f"V{RAW_ID}")[np.asarray(self.codes)]
        return found

    def _text(self, code: int) -> str:
        return self.distinct[RAW_ID * code : RAW_ID * (code + 1)].hex()

    def __getitem__(self, row: int) -> str:
        return self._text(self.codes[row])

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts(np.arange(len(self.codes))))

    @property
    def every(self) -> list[str]:
        """The distinct ids."""
        return list(map(self._text, range(len(self.distinct) // RAW_ID)))

    def texts(self, rows: Rows) -> list[str]:
        """The ids of some rows; equal ones are the same object."""
        codes = np.asarray(self.codes)[rows].tolist()
        known = {code: self._text(code) for code in set(codes)}
        return [known[code] for code in codes]


class FileRows(NamedTuple):
    """Clusters, and the raw ids on them of each file."""

    clusters: list[str]
    columns: list[list[bytes]]

    def extend(self, clusters: Iterable[str], columns: Iterable[Iterable[bytes]]) -> None:
        """Add rows."""
        self.clusters.extend(clusters)
        for column, added in zip(self.columns, columns, strict=True):
            column.extend(added)


@dataclass(frozen=True)
class Block:
    """The files of a component on clusters, in their order, on which they have the same `names`."""

    component: str
    names: tuple[str, ...]
    clusters: tuple[str, ...]
    columns: tuple[Column, ...] = field(compare=False)

    @classmethod
    def of(cls, component: str, names: tuple[str, ...], rows: FileRows) -> "Block":
        """The block of rows in any order."""
        clusters, columns = rows
        order = sorted(range(len(clusters)), key=clusters.__getitem__)
        return cls(
            component,
            names,
            tuple([clusters[row] for row in order]),
            tuple([Column.of([column[row] for row in order]) for column in columns]),
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Block)
            and (self.component, self.names) == (other.component, other.names)
            and self.clusters == other.clusters
            and all(
                (one.raw == two.raw).all()
                for one, two in zip(self.columns, other.columns, strict=True)
            )
        )

    __hash__ = None  # type: ignore[assignment] # as a dictionary

    def __getstate__(self) -> Mapping[str, object]:
        """Everything but what is found when it is asked for."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """The row of each cluster."""
        return {name: row for row, name in enumerate(self.clusters)}

    @property
    def units(self) -> list[Unit]:
        """The units, in the order of rows."""
        return list(map(Unit, repeat(self.component), self.clusters))

    @property
    def ids(self) -> Iterator[tuple[str, ...]]:
        """The blob ids of each row."""
        return zip(*self.columns, strict=True) if self.columns else repeat((), len(self.clusters))

    def files(self, cluster: str) -> UnitFiles:
        """The files on a cluster."""
        row = self.rows[cluster]
        ids = tuple([column[row] for column in self.columns])
        return UnitFiles(folder_of(cluster), self.names, ids)

    def without(self, clusters: Collection[str]) -> FileRows:
        """The rows of other clusters."""
        kept = [each not in clusters for each in self.clusters]
        columns = [list(compress(column.raw.tolist(), kept)) for column in self.columns]
        return FileRows(list(compress(self.clusters, kept)), columns)


class FleetFiles(Mapping[Unit, UnitFiles]):
    """Unit -> path -> blob id, of all units of an application."""

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        """The files of these blocks."""
        self.blocks = tuple(sorted(blocks, key=lambda each: (each.component, each.names)))

    @classmethod
    def of(cls, files: Mapping[Unit, Mapping[str, str]]) -> "FleetFiles":
        """The same files; each is in the folder of its cluster."""
        if isinstance(files, FleetFiles):
            return files
        writer = FilesWriter()
        for unit, each in files.items():
            writer.add(unit, {path: bytes.fromhex(blob) for path, blob in each.items()})
        return writer.files

    @cached_property
    def by_component(self) -> Mapping[str, tuple[Block, ...]]:
        """The blocks of each component."""
        found = groupby(self.blocks, lambda each: each.component)
        return {component: tuple(blocks) for component, blocks in found}

    def _block(self, unit: object) -> Block | None:
        if not isinstance(unit, Unit):
            return None
        blocks = self.by_component.get(unit.component, ())
        return next((each for each in blocks if unit.cluster in each.rows), None)

    def __contains__(self, unit: object) -> bool:
        return self._block(unit) is not None

    def __getitem__(self, unit: Unit) -> UnitFiles:
        block = self._block(unit)
        if block is None:
            raise KeyError(unit)
        return block.files(unit.cluster)

    def __iter__(self) -> Iterator[Unit]:
        for block in self.blocks:
            yield from block.units

    def __len__(self) -> int:
        return sum(len(each.clusters) for each in self.blocks)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FleetFiles):
            return self.blocks == other.blocks
        return isinstance(other, Mapping) and dict(self.items()) == dict(other.items())

    __hash__ = None  # type: ignore[assignment] # as a dictionary

    def __repr__(self) -> str:
        return repr(dict(self.items()))

    def __getstate__(self) -> Mapping[str, object]:
        """The blocks alone."""
        return {"blocks": self.blocks}

    @property
    def clusters(self) -> frozenset[str]:
        """The clusters of all units."""
        return frozenset[str]().union(*{each.clusters for each in self.blocks})

    def beyond(self, units: Iterable[Unit]) -> frozenset[Unit]:
        """The units here that are not among these."""
        others = clusters_by_component(units)
        return frozenset(
            Unit(block.component, name)
            for block in self.blocks
            for name in set(block.clusters) - others.get(block.component, set())
        )

    def on(self, component: str) -> frozenset[str]:
        """The clusters of a component."""
        blocks = self.by_component.get(component, ())
        return frozenset(name for each in blocks for name in each.clusters)

    @property
    def size(self) -> int:
        """The bytes that it takes, about."""
        columns = [column for block in self.blocks for column in block.columns]
        ids = sum(len(each.distinct) + each.codes.itemsize * len(each.codes) for each in columns)
        return ids + COLUMN * len(columns) + UNIT * len(self)

    @property
    def named(self) -> "FleetFiles":
        """The same units, without files."""
        found = []
        for component, blocks in self.by_component.items():
            every = blocks[0].clusters
            if len(blocks) > 1:
                every = tuple(sorted(name for each in blocks for name in each.clusters))
            found.append(Block(component, (), every, ()))
        return FleetFiles(found)

    def updated(self, clusters: Collection[str], new: "FleetFiles") -> "FleetFiles":
        """With the files of `new` on these clusters, instead of those that are here."""
        added = {(each.component, each.names): each for each in new.blocks}
        found = []
        for block in self.blocks:
            key = block.component, block.names
            if key not in added and not any(each in block.rows for each in clusters):
                found.append(block)
                continue
            rows = block.without(clusters)
            if key in added:
                rows.extend(*added.pop(key).without(()))
            if rows.clusters:
                found.append(Block.of(*key, rows))
        return FleetFiles((*found, *added.values()))


@dataclass(slots=True)
class FilesWriter:
    """Collects the files of units."""

    _rows: dict[tuple[str, tuple[str, ...]], FileRows] = field(default_factory=dict)

    def add(self, unit: Unit, files: Mapping[str, bytes]) -> None:
        """Add a unit: path -> raw blob id of its files, which are in the folder of its cluster."""
        start, paths = len(folder_of(unit.cluster)), sorted(files)
        names = tuple([path[start:] for path in paths])
        self.add_all(unit.component, names, (unit.cluster,), [(files[path],) for path in paths])

    def add_all(
        self,
        component: str,
        names: tuple[str, ...],
        clusters: Iterable[str],
        columns: Iterable[Iterable[bytes]],
    ) -> None:
        """Add units of a component: the ids of each file on these clusters."""
        key = component, names
        if key not in self._rows:
            self._rows[key] = FileRows([], [[] for _ in names])
        self._rows[key].extend(clusters, columns)

    @property
    def files(self) -> FleetFiles:
        """All files that were added."""
        return FleetFiles(Block.of(*key, rows) for key, rows in self._rows.items())
