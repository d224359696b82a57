"""The bytes of rendered files by blob id, those that differ only in a cluster's name as templates.

An agent's own objects for a component are another text on each cluster: of a hundred thousand files
only a template and the names are kept, and bytes are made for whoever reads them.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from renderers.tree import blob_id

NAME = b"\0"
"""Stands for the cluster's name in a template. A file with such a byte is none."""

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


@dataclass(slots=True)
class ContentWriter:
    """Collects the files of a plan."""

    blobs: dict[bytes, str] = field(default_factory=dict)
    whole: dict[str, bytes] = field(default_factory=dict)
    templates: dict[bytes, int] = field(default_factory=dict)
    filled: dict[str, Filled] = field(default_factory=dict)

    def add(self, content: bytes, cluster: str) -> str:
        """Add a file that is written on a cluster, and return its blob id."""
        blob = self.blobs.get(content)
        if blob is None:
            blob = self.blobs[content] = blob_id(content)
            name = cluster.encode()
            if name and name in content and NAME not in content:
                template = content.replace(name, NAME)
                row = self.templates.setdefault(template, len(self.templates))
                self.filled[blob] = Filled(row, cluster)
            else:
                self.whole[blob] = content
        return blob

    @property
    def contents(self) -> Contents:
        """All files that were added."""
        return Contents(self.whole, tuple(self.templates), self.filled)
