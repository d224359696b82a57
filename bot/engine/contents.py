"""The bytes of rendered files by blob id, those that differ only in a cluster's name as templates.

An agent's own objects for a component are another text on each cluster: of a hundred thousand files
only a template and the names are kept, and bytes are made for whoever reads them.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from planners.model import Unit
from planners.model.fleet_files import RAW_ID, FilesWriter, FleetFiles
from renderers.cluster_files import NAME, ClusterFiles, FilesTemplate
from renderers.tree import FileTree, raw_blob_id

FILLED = 30
"""Bytes that a file of a template takes in columns, about."""


class Filled(NamedTuple):
    """A file as a template, by its position, and the name to fill in."""

    template: int
    name: str


@dataclass(frozen=True, eq=False)
class FilledColumns(Mapping[str, Filled]):
    """Blob id -> the template and the name, in little memory: a file may have several rows.

    Where a file is, is found out when somebody asks for one: most plans change few of these.
    """

    blobs: bytes = b""
    templates: "array[int]" = field(default_factory=lambda: array("I"))
    names: tuple[str, ...] = ()

    @cached_property
    def _rows(self) -> Mapping[bytes, int]:
        """The row of each raw id."""
        ids = (self.blobs[at : at + RAW_ID] for at in range(0, len(self.blobs), RAW_ID))
        return {raw: row for row, raw in enumerate(ids)}

    def __getstate__(self) -> Mapping[str, object]:
        """Everything but what is found when it is asked for."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def __getitem__(self, blob: str) -> Filled:
        """The template and the name of a file."""
        row = self._rows.get(bytes.fromhex(blob))
        if row is None:
            raise KeyError(blob)
        return Filled(self.templates[row], self.names[row])

    def __iter__(self) -> Iterator[str]:
        """The blob ids."""
        return (raw.hex() for raw in self._rows)

    def __len__(self) -> int:
        """The number of files."""
        return len(self._rows)


@dataclass(slots=True)
class FilledRows:
    """Files that are templates, as they are found."""

    _blobs: bytearray = field(default_factory=bytearray)
    _templates: "array[int]" = field(default_factory=lambda: array("I"))
    _names: list[str] = field(default_factory=list)

    def add(self, ids: Sequence[bytes], template: int, names: Sequence[str]) -> None:
        """Add files of a template, with their raw ids and the names in them."""
        self._blobs += b"".join(ids)
        self._templates.extend([template] * len(ids))
        self._names += names

    @property
    def columns(self) -> FilledColumns:
        """All files that were added."""
        return FilledColumns(bytes(self._blobs), self._templates, tuple(self._names))


@dataclass(frozen=True, slots=True)
class Contents(Mapping[str, bytes]):
    """Blob id -> bytes: those of files as they are, or of a template that is filled in."""

    whole: Mapping[str, bytes] = field(default_factory=dict)
    templates: tuple[bytes, ...] = ()
    filled: FilledColumns = field(default_factory=FilledColumns)

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

    @property
    def size(self) -> int:
        """The bytes that it takes, about."""
        return sum(map(len, (*self.whole.values(), *self.templates))) + FILLED * len(
            self.filled.names
        )


@dataclass(slots=True)
class ContentWriter:
    """Collects the files of a plan; units with the same template are written together."""

    ids: dict[bytes, bytes] = field(default_factory=dict)
    whole: dict[str, bytes] = field(default_factory=dict)
    templates: dict[bytes, int] = field(default_factory=dict)
    filled: FilledRows = field(default_factory=FilledRows)
    _units: FilesWriter = field(default_factory=FilesWriter)
    _alike: dict[tuple[str, FilesTemplate], list[str]] = field(default_factory=dict)

    def add_unit(self, unit: Unit, tree: FileTree) -> None:
        """Add the files of a unit."""
        if isinstance(tree, ClusterFiles):
            self._alike.setdefault((unit.component, tree.template), []).append(unit.cluster)
            return
        ids = {path: self.add(content, unit.cluster) for path, content in sorted(tree.items())}
        self._units.add(unit, ids)

    def add(self, content: bytes, cluster: str) -> bytes:
        """Add a file that is written on a cluster, and return its raw blob id."""
        raw = self.ids.get(content)
        if raw is None:
            raw = self.ids[content] = raw_blob_id(content)
            name = cluster.encode()
            if name and name in content and NAME not in content:
                self.filled.add([raw], self._template(content.replace(name, NAME)), [cluster])
            else:
                self.whole[raw.hex()] = content
        return raw

    def written(self) -> tuple[FleetFiles, Contents]:
        """The files of all units, and their contents."""
        for (component, template), clusters in self._alike.items():
            columns = [self._column(content, clusters) for content in template.contents]
            self._units.add_all(component, template.names, clusters, columns)
        self._alike.clear()
        contents = Contents(self.whole, tuple(self.templates), self.filled.columns)
        return self._units.files, contents

    def _column(self, content: bytes, clusters: Sequence[str]) -> Sequence[bytes]:
        """Add a file of a template on clusters, and return its raw blob ids."""
        if NAME not in content:
            return [self.add(content, clusters[0])] * len(clusters)
        found = [raw_blob_id(content.replace(NAME, name.encode())) for name in clusters]
        self.filled.add(found, self._template(content), clusters)
        return found

    def _template(self, content: bytes) -> int:
        """The position of a template."""
        return self.templates.setdefault(content, len(self.templates))
