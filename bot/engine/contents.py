"""The bytes of rendered files by blob id, those that differ only in a cluster's name as templates.

An agent's own objects for a component are another text on each cluster: of a hundred thousand files
only a template and the names are kept, and bytes are made for whoever reads them.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import NamedTuple

from planners.model import Unit
from planners.model.fleet_files import RAW_ID, FilesWriter, FleetFiles
from planners.model.unit_files import folder_of
from renderers.cluster_files import NAME, ClusterFiles, FilesTemplate
from renderers.tree import FileTree, raw_blob_id

FILLED = 30
"""Bytes that a file of a template takes in columns, about."""


class Filled(NamedTuple):
    """A file as a template, by its position, and the name to fill in."""

    template: int
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class FilledColumns(Mapping[str, Filled]):
    """Blob id -> the template and the name, in little memory; the raw `blobs` are sorted."""

    blobs: bytes
    templates: "array[int]"
    names: tuple[str, ...]

    @classmethod
    def of(cls, filled: Mapping[bytes, Filled]) -> "FilledColumns":
        """The columns of files by their raw ids."""
        blobs = sorted(filled)
        found = [filled[each] for each in blobs]
        templates, names = array("I", map(itemgetter(0), found)), map(itemgetter(1), found)
        return cls(b"".join(blobs), templates, tuple(names))

    def _raw(self, row: int) -> bytes:
        return self.blobs[RAW_ID * row : RAW_ID * (row + 1)]

    def __getitem__(self, blob: str) -> Filled:
        """The template and the name of a file."""
        raw = bytes.fromhex(blob)
        row = bisect_left(range(len(self)), raw, key=self._raw)
        if row == len(self) or self._raw(row) != raw:
            raise KeyError(blob)
        return Filled(self.templates[row], self.names[row])

    def __iter__(self) -> Iterator[str]:
        """The blob ids."""
        return (self._raw(row).hex() for row in range(len(self)))

    def __len__(self) -> int:
        """The number of files."""
        return len(self.names)


@dataclass(frozen=True, slots=True)
class Contents(Mapping[str, bytes]):
    """Blob id -> bytes: those of files as they are, or of a template that is filled in."""

    whole: Mapping[str, bytes] = field(default_factory=dict)
    templates: tuple[bytes, ...] = ()
    filled: Mapping[str, Filled] = field(default_factory=dict)

    def __getitem__(self, blob: str) -> bytes:
        """The bytes of a file."""
        found = self.whole.get(blob)
        if found is not None:
            return found
        template, name = self.filled[blob]
        return self.templates[template].replace(NAME, name.encode())

    def __iter__(self) -> Iterator[str]:
        """The blob ids."""
        yield from self.whole
        yield from self.filled

    def __len__(self) -> int:
        """The number of different files."""
        return len(self.whole) + len(self.filled)

    def only(self, blobs: Collection[str]) -> "Contents":
        """Those of some blob ids."""
        whole = {blob: self.whole[blob] for blob in blobs if blob in self.whole}
        others = ((blob, self.filled.get(blob)) for blob in blobs if blob not in whole)
        filled = {blob: each for blob, each in others if each is not None}
        return replace(self, whole=whole, filled=filled)

    @property
    def size(self) -> int:
        """The bytes that it takes, about."""
        return sum(map(len, (*self.whole.values(), *self.templates))) + FILLED * len(self.filled)


class _Blobs(NamedTuple):
    """The raw ids of a template's files, and those files that have the cluster's name."""

    ids: tuple[bytes, ...]
    filled: tuple["_FilledFile", ...]


class _FilledFile(NamedTuple):
    """The position of a file among those of its unit, its template, and that one's position."""

    row: int
    content: bytes
    template: int


@dataclass(slots=True)
class ContentWriter:
    """Collects the files of a plan."""

    ids: dict[bytes, bytes] = field(default_factory=dict)
    whole: dict[str, bytes] = field(default_factory=dict)
    templates: dict[bytes, int] = field(default_factory=dict)
    filled: dict[bytes, Filled] = field(default_factory=dict)
    _units: FilesWriter = field(default_factory=FilesWriter)
    _known: dict[FilesTemplate, _Blobs] = field(default_factory=dict)

    def add_unit(self, unit: Unit, tree: FileTree) -> None:
        """Add the files of a unit."""
        if isinstance(tree, ClusterFiles):
            self._units.add(unit, tree.template.names, self._fill(tree))
            return
        folder, paths = folder_of(unit.cluster), sorted(tree)
        names = tuple([path.removeprefix(folder) for path in paths])
        self._units.add(unit, names, [self.add(tree[path], unit.cluster) for path in paths])

    def add(self, content: bytes, cluster: str) -> bytes:
        """Add a file that is written on a cluster, and return its raw blob id."""
        raw = self.ids.get(content)
        if raw is None:
            raw = self.ids[content] = raw_blob_id(content)
            name = cluster.encode()
            if name and name in content and NAME not in content:
                self.filled[raw] = Filled(self._template(content.replace(name, NAME)), cluster)
            else:
                self.whole[raw.hex()] = content
        return raw

    def _fill(self, files: ClusterFiles) -> Sequence[bytes]:
        """Add the files of a template, and return their raw blob ids."""
        known = self._known.get(files.template)
        if known is None:
            known = self._known[files.template] = self._blobs(files)
        ids, name = list(known.ids), files.cluster.encode()
        for row, content, template in known.filled:
            raw = ids[row] = raw_blob_id(content.replace(NAME, name))
            self.filled[raw] = Filled(template, files.cluster)
        return ids

    def _blobs(self, files: ClusterFiles) -> _Blobs:
        """The files that are equal on all clusters with a template are added once."""
        contents = tuple(enumerate(files.template.contents))
        ids = (b"" if NAME in each else self.add(each, files.cluster) for _, each in contents)
        filled = ((row, each) for row, each in contents if NAME in each)
        return _Blobs(
            tuple(ids), tuple(_FilledFile(row, each, self._template(each)) for row, each in filled)
        )

    def _template(self, content: bytes) -> int:
        """The position of a template."""
        return self.templates.setdefault(content, len(self.templates))

    @property
    def files(self) -> FleetFiles:
        """The files of all units."""
        return self._units.files

    @property
    def contents(self) -> Contents:
        """The contents of all files that were added."""
        return Contents(self.whole, tuple(self.templates), FilledColumns.of(self.filled))
