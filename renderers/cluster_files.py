"""The files of a unit as a template that units of many clusters share, and the cluster's name.

Units of a component with the same variant and the same kind of agent differ in nothing else. So
what is asked of their files is asked of the template, and bytes are made when somebody reads them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from renderers.tree import FileTree

NAME = b"\0"
"""Stands for the cluster's name in a template. YAML has no such byte: it would be escaped."""


@dataclass(frozen=True, slots=True, eq=False)
class FilesTemplate:
    """The names of files in a cluster's folder, sorted, and their contents, some with NAME."""

    names: tuple[str, ...]
    contents: tuple[bytes, ...]

    @classmethod
    def of(cls, files: FileTree) -> "FilesTemplate":
        """The template of files by their paths in the folder."""
        names = sorted(files)
        return cls(tuple(names), tuple([files[name] for name in names]))


@dataclass(frozen=True, slots=True, eq=False)
class ClusterFiles(Mapping[str, bytes]):
    """The files of a template on one cluster, whose `folder` ends with a slash."""

    folder: str
    cluster: str
    template: FilesTemplate

    def __getitem__(self, path: str) -> bytes:
        """The bytes of a file."""
        name, names = path.removeprefix(self.folder), self.template.names
        if len(name) == len(path) or name not in names:
            raise KeyError(path)
        return self.template.contents[names.index(name)].replace(NAME, self.cluster.encode())

    def __iter__(self) -> Iterator[str]:
        """The paths."""
        return iter([self.folder + name for name in self.template.names])

    def __len__(self) -> int:
        """The number of files."""
        return len(self.template.names)
