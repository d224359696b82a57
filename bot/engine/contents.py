"""The bytes of rendered files by blob id, those that differ only in a cluster's name as templates.

An agent's own objects for a component are another text on each cluster: of a hundred thousand files
only a template and the names are kept, and bytes are made for whoever reads them.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from planners.model.unit_files import SharedNames, UnitFiles
from renderers.cluster_files import NAME, ClusterFiles, FilesTemplate
from renderers.tree import FileTree, blob_id

FILLED = 30
"""Bytes that a file of a template takes in columns, about."""


class Filled(NamedTuple):
    """A file as a template, by its position, and the name to fill in."""

    template: int
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class FilledColumns(Mapping[str, Filled]):
    """Blob id -> the template and the name, in little memory; the blob ids are sorted."""

    blobs: tuple[str, ...]
    templates: "array[int]"
    names: tuple[str, ...]

    def __getitem__(self, blob: str) -> Filled:
        """The template and the name of a file."""
        row = bisect_left(self.blobs, blob)
        if row == len(self.blobs) or self.blobs[row] != blob:
            raise KeyError(blob)
        return Filled(self.templates[row], self.names[row])

    def __iter__(self) -> Iterator[str]:
        """The blob ids."""
        return iter(self.blobs)

    def __len__(self) -> int:
        """The number of files."""
        return len(self.blobs)


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
        others = (blob for blob in blobs if blob not in whole and blob in self.filled)
        return replace(self, whole=whole, filled={blob: self.filled[blob] for blob in others})

    @property
    def size(self) -> int:
        """The bytes that it takes, about."""
        return sum(map(len, (*self.whole.values(), *self.templates))) + FILLED * len(self.filled)


class _Blobs(NamedTuple):
    """The blob ids of a template's files, and those files that have the cluster's name."""

    ids: tuple[str, ...]
    filled: tuple["_FilledFile", ...]


class _FilledFile(NamedTuple):
    """The position of a file among those of its unit, its template, and that one's position."""

    row: int
    content: bytes
    template: int


@dataclass(slots=True)
class ContentWriter:
    """Collects the files of a plan."""

    blobs: dict[bytes, str] = field(default_factory=dict)
    whole: dict[str, bytes] = field(default_factory=dict)
    templates: dict[bytes, int] = field(default_factory=dict)
    filled: dict[str, Filled] = field(default_factory=dict)
    _names: SharedNames[bytes] = field(default_factory=SharedNames)
    _known: dict[FilesTemplate, _Blobs] = field(default_factory=dict)

    def files(self, cluster: str, tree: FileTree) -> UnitFiles[str]:
        """Add the files of a unit, and return them with their blob ids."""
        if isinstance(tree, ClusterFiles):
            return UnitFiles(tree.folder, tree.template.names, self._fill(tree))
        found = self._names.files(cluster, tree)
        blobs = tuple([self.add(content, cluster) for content in found.contents])
        return UnitFiles(found.folder, found.names, blobs)

    def add(self, content: bytes, cluster: str) -> str:
        """Add a file that is written on a cluster, and return its blob id."""
        blob = self.blobs.get(content)
        if blob is None:
            blob = self.blobs[content] = blob_id(content)
            name = cluster.encode()
            if name and name in content and NAME not in content:
                self.filled[blob] = Filled(self._template(content.replace(name, NAME)), cluster)
            else:
                self.whole[blob] = content
        return blob

    def _fill(self, files: ClusterFiles) -> tuple[str, ...]:
        """Add the files of a template, and return their blob ids."""
        known = self._known.get(files.template)
        if known is None:
            known = self._known[files.template] = self._blobs(files)
        ids, name = list(known.ids), files.cluster.encode()
        for row, content, template in known.filled:
            blob = ids[row] = blob_id(content.replace(NAME, name))
            self.filled[blob] = Filled(template, files.cluster)
        return tuple(ids)

    def _blobs(self, files: ClusterFiles) -> _Blobs:
        """The files that are equal on all clusters with a template are added once."""
        contents = tuple(enumerate(files.template.contents))
        ids = ("" if NAME in each else self.add(each, files.cluster) for _, each in contents)
        filled = ((row, each) for row, each in contents if NAME in each)
        return _Blobs(
            tuple(ids), tuple(_FilledFile(row, each, self._template(each)) for row, each in filled)
        )

    def _template(self, content: bytes) -> int:
        """The position of a template."""
        return self.templates.setdefault(content, len(self.templates))

    @property
    def contents(self) -> Contents:
        """All files that were added."""
        return Contents(self.whole, tuple(self.templates), self.filled)
