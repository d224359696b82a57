"""The files of one unit, as `fleet_files` has them."""

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class UnitFiles(Mapping[str, str]):
    """Path -> blob id of each file: those of the `names` below `folder`, which ends with a slash.

    Names are sorted, so that two states of a unit have the same ones unless files come or go.
    Equal to any mapping of the same paths to the same ids.
    """

    folder: str
    names: tuple[str, ...]
    blobs: tuple[str, ...]

    def __getitem__(self, path: str) -> str:
        """The blob id of a file."""
        name = path.removeprefix(self.folder)
        if len(name) == len(path) or name not in self.names:
            raise KeyError(path)
        return self.blobs[self.names.index(name)]

    def __iter__(self) -> Iterator[str]:
        """The paths."""
        return iter([self.folder + name for name in self.names])

    def __len__(self) -> int:
        """The number of files."""
        return len(self.names)

    def items(self) -> ItemsView[str, str]:
        """Paths and blob ids."""
        return dict(zip(self, self.blobs, strict=True)).items()

    def values(self) -> ValuesView[str]:
        """The blob ids."""
        return dict(zip(self.names, self.blobs, strict=True)).values()

    def __eq__(self, other: object) -> bool:
        """Whether the other one has the same files."""
        if isinstance(other, UnitFiles) and self.names == other.names:
            return self.folder == other.folder and self.blobs == other.blobs
        return isinstance(other, Mapping) and dict(self.items()) == dict(other.items())

    __hash__ = None  # type: ignore[assignment] # as a dictionary


def folder_of(cluster: str) -> str:
    """The folder of a cluster in a deploy repo; all files of its units are there."""
    return f"clusters/{cluster}/"
