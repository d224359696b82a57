"""The positions of a document's parts in its file, for error messages."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

Path = tuple[str | int, ...]


class Mark(NamedTuple):
    """The position of a value (from 1), and the marks of its parts by key or index."""

    line: int
    column: int
    parts: Mapping[str | int, "Mark"]


class Places(Mapping[Path, tuple[int, int]]):
    """Path -> (line, column), both from 1, of every part of a document.

    The position of a mapping entry is that of its key; what an alias or a merge key adds has the
    position of its definition.
    """

    def __init__(self, root: Mark) -> None:
        self._root = root

    def __getitem__(self, path: Path) -> tuple[int, int]:
        mark = self._root
        for step in path:
            mark = mark.parts[step]
        return mark.line, mark.column

    def __iter__(self) -> Iterator[Path]:
        todo: list[tuple[Path, Mark]] = [((), self._root)]
        while todo:
            path, mark = todo.pop()
            yield path
            todo.extend(((*path, step), part) for step, part in mark.parts.items())

    def __len__(self) -> int:
        return sum(1 for _ in self)
