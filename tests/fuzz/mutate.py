"""Mutates inputs: as JSON trees where they are JSON, and as bytes. Deterministic for one seed."""

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from tests.fuzz import MAX_BYTES

INTERESTING = (
    *(b"\0", b"\n", b"\r\n", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80"),
    *(b"-1", b"0", b"1e999", b"9" * 25, b"9" * 5000, b"NaN", b"null", b"true", b"[]", b"{}", b'""'),
    *(b"..", b"/", b"../", b".git", b"~", b"*", b"<<", b"&a", b"*a", b"!!x", b"---\n", b"${", b"%"),
    *("\u202e".encode(), "\u200b".encode(), "\u0130".encode(), "\u0661".encode(), b"`", b"\x1b["),
)
SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**63, -(2**70), 1.5, 1e300, "", " ", "a", "y", "1", "-1", "1e9"),
    *("9" * 30, "9" * 5000, "\0", "\n", "\u202e", "\ud800", "../x", "/", "*", "${cluster.name}"),
    *("~", "a" * 300, [], {}, [[]], [{}], {"": None}, [None]),
)
Path = tuple[Any, ...]


class Mutator:
    """Changes one input, sometimes with parts of others (`pool`) or of the target's words."""

    def __init__(self, pool: Sequence[bytes], words: Sequence[bytes]) -> None:
        self._random, self._pool = Random(), pool
        self._words = (*INTERESTING, *words, *words, *words)
        self._texts = [each.decode("utf-8", "replace") for each in words]

    def mutate(self, data: bytes, seed: int) -> bytes:
        """A changed input of at most MAX_BYTES; the same one for the same seed."""
        self._random.seed(seed)
        tree = self._tree(data) if self._random.random() < 0.6 else None
        changes = self._random.choice((1, 1, 1, 2, 3, 8))
        if isinstance(tree, dict | list):
            try:
                for _ in range(changes):
                    tree = self._change_tree(tree)
                return json.dumps(tree).encode()[:MAX_BYTES]
            except RecursionError:
                return data
        for _ in range(changes):
            data = self._random.choice(self._CHANGES)(self, data)
        return data[:MAX_BYTES]

    @staticmethod
    def _tree(data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return None

    def _change_tree(self, tree: Any) -> Any:
        paths = list(_paths(tree, ()))
        path = self._random.choice(paths)
        value = _at(tree, path)
        match self._random.randrange(7):
            case 0 if path:
                _parent(tree, path).pop(path[-1])
                return tree
            case 1 if isinstance(value, dict):
                value[self._random.choice((*self._texts, "", "x"))] = self._scalar()
                return tree
            case 2 if isinstance(value, list) and value:
                value.append(self._copy(self._random.choice(value)))
                return tree
            case 3:
                return _replaced(tree, path, self._copy(_at(tree, self._random.choice(paths))))
            case 4:
                for _ in range(self._random.choice((1, 2, 70, 400))):
                    value = self._random.choice(([value], {"x": value}))
                return _replaced(tree, path, value)
            case 5 if isinstance(value, str):
                changed = self._random.choice(self._CHANGES)(self, value.encode("utf-8", "replace"))
                return _replaced(tree, path, changed.decode("utf-8", "replace"))
            case _:
                return _replaced(tree, path, self._scalar())

    def _scalar(self) -> Any:
        value = self._random.choice((*SCALARS, *self._texts, *self._texts))
        return self._copy(value)

    @staticmethod
    def _copy(value: Any) -> Any:
        return json.loads(json.dumps(value))

    def _span(self, data: bytes) -> tuple[int, int]:
        start = self._random.randint(0, len(data))
        length = self._random.choice((1, 2, 4, 16, len(data)))
        return start, min(len(data), start + self._random.randint(0, length))

    def _flip(self, data: bytes) -> bytes:
        if not data:
            return b"\0"
        at = self._random.randrange(len(data))
        return data[:at] + bytes([self._random.randrange(256)]) + data[at + 1 :]

    def _remove(self, data: bytes) -> bytes:
        start, end = self._span(data)
        return data[:start] + data[end:]

    def _insert(self, data: bytes) -> bytes:
        start, end = self._span(data)
        keep = self._random.choice((start, end))
        return data[:start] + self._random.choice(self._words) + data[keep:]

    def _repeat(self, data: bytes) -> bytes:
        start, end = self._span(data)
        times = self._random.choice((2, 3, 10, 200))
        return data[:start] + (data[start:end] * times)[:MAX_BYTES] + data[end:]

    def _splice(self, data: bytes) -> bytes:
        other = self._random.choice(self._pool) if self._pool else data
        start, end = self._span(data)
        begin, finish = self._span(other)
        return data[:start] + other[begin:finish] + data[end:]

    def _cut(self, data: bytes) -> bytes:
        return data[: self._random.randint(0, len(data))]

    _CHANGES: tuple[Callable[["Mutator", bytes], bytes], ...] = (
        _flip, _flip, _remove, _insert, _insert, _insert, _repeat, _splice, _splice, _cut,
    )  # fmt: skip


def _paths(tree: Any, path: Path) -> Iterator[Path]:
    yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        if isinstance(value, dict | list) and len(path) < 60:
            yield from _paths(value, (*path, key))
        else:
            yield (*path, key)


def _at(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _parent(tree: Any, path: Path) -> Any:
    return _at(tree, path[:-1])


def _replaced(tree: Any, path: Path, value: Any) -> Any:
    if not path:
        return value if isinstance(value, dict | list) else [value]
    _parent(tree, path)[path[-1]] = value
    return tree
