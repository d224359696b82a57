"""The files of one unit, in little memory: units of a component have the same names of files.

A fleet has a hundred thousand units. A dictionary for each of them, with a text for each path, is
most of what a plan takes; here they share one tuple of names.
"""

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class UnitFiles(Mapping[str, T]):
    """Path -> content of each file: those of the `names` below `folder`, which ends with a slash.

    Names are sorted, so that two states of a unit have the same ones unless files come or go.
    Equal to any mapping of the same paths to the same contents.
    """

    folder: str
    names: tuple[str, ...]
    contents: tuple[T, ...]

    def __getitem__(self, path: str) -> T:
        """The content of a file."""
        name = path.removeprefix(self.folder)
        if len(name) == len(path) or name not in self.names:
            raise KeyError(path)
        return self.contents[self.names.index(name)]

    def __iter__(self) -> Iterator[str]:
        """The paths."""
        return iter([self.folder + name for name in self.names])

    def __len__(self) -> int:
        """The number of files."""
        return len(self.names)

    def items(self) -> ItemsView[str, T]:
        """Paths and contents."""
        return dict(zip(self, self.contents, strict=True)).items()

    def values(self) -> ValuesView[T]:
        """The contents."""
        return dict(zip(self.names, self.contents, strict=True)).values()

    def __eq__(self, other: object) -> bool:
        """Whether the other one has the same files."""
        if isinstance(other, UnitFiles) and self.names == other.names:
            return self.folder == other.folder and self.contents == other.contents
        return isinstance(other, Mapping) and dict(self.items()) == dict(other.items())

    __hash__ = None  # type: ignore[assignment] # as a dictionary


def folder_of(cluster: str) -> str:
    """The folder of a cluster in a deploy repo; all files of its units are there."""
    return f"clusters/{cluster}/"


@dataclass(slots=True)
class SharedNames(Generic[T]):
    """Makes UnitFiles that share their folders and names."""

    _folders: dict[str, str] = field(default_factory=dict)
    _names: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)

    def files(self, cluster: str, files: Mapping[str, T]) -> UnitFiles[T]:
        """The same files, all of which are in the folder of a cluster."""
        if isinstance(files, UnitFiles):
            return files
        folder = self._folders.setdefault(cluster, folder_of(cluster))
        start = len(folder)
        paths = sorted(files)
        names = tuple([path[start:] for path in paths])
        contents = tuple([files[path] for path in paths])
        return UnitFiles(folder, self._names.setdefault(names, names), contents)


def differences(
    old: Mapping[str, T], new: Mapping[str, T]
) -> tuple[list[tuple[str, T | None, T | None]], int]:
    """What differs between two states of a unit's files, by path, and how many files do not.

    Each is a path with the content before and after; None where there is no such file.
    """
    if isinstance(new, UnitFiles) and not old:
        rows = zip(new.names, new.contents, strict=True)
        return [(new.folder + name, None, now) for name, now in rows], 0
    if (
        isinstance(old, UnitFiles)
        and isinstance(new, UnitFiles)
        and (old.folder, old.names) == (new.folder, new.names)
    ):
        if old.contents == new.contents:
            return [], len(new)
        both = zip(new.names, old.contents, new.contents, strict=True)
        found = [(new.folder + name, was, now) for name, was, now in both if was != now]
        return found, len(new.names) - len(found)
    paths = sorted(old.keys() | new.keys())
    every = ((path, old.get(path), new.get(path)) for path in paths)
    changed = [each for each in every if each[1] != each[2]]
    return changed, len(paths) - len(changed)
