"""Intermediate results, kept by the content that they were made from. Losing them costs time only.

A key names all that a result depends on: ids of Git objects, values, versions. What was not used
for longest makes room.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar, cast

T = TypeVar("T")


class DifferentResultError(Exception):
    """A kept result differs from the one made now: its key does not name all that it depends on."""


@dataclass(frozen=True, slots=True, eq=False)
class ByContent:
    """A value without a hash as a part of a key. Values of equal `name` are compared.

    That is fast for a value that is kept itself: it is the same object.
    """

    name: str
    value: object

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByContent) and self.value == other.value


class Results:
    """Results of at most `most` bytes in total, as their sizes are estimated.

    With `verify`, each one is made anew whenever it is asked for, and compared: to find errors.
    """

    def __init__(self, most: int, *, verify: bool = False) -> None:
        self.verify = verify
        self._most, self._size = most, 0
        self._kept: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._lock = Lock()
        self._lookups: Counter[tuple[str, bool]] = Counter()

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """The result for a key, by `make` if it is not kept; `size` estimates its bytes.

        Raises:
            DifferentResultError: see `keep`.
        """
        found = self.find(key)
        if found is not None and not self.verify:
            return cast("T", found)
        made = make()
        self.keep(key, made, size(made))
        return made

    @property
    def size(self) -> int:
        """The estimated bytes of what is kept."""
        return self._size

    def lookups(self) -> dict[tuple[str, bool], int]:
        """How often results were asked for, by the first part of a key, and found or not."""
        with self._lock:
            return dict(self._lookups)

    def find(self, key: Hashable) -> object | None:
        """The result for a key, if it is kept."""
        with self._lock:
            self._lookups[_kind(key), key in self._kept] += 1
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def take(self, key: Hashable) -> object | None:
        """The result for a key, if it is kept; it is not any more, to be made into another one."""
        with self._lock:
            found, freed = self._kept.pop(key, (None, 0))
            self._size -= freed
            return found

    def keep(self, key: Hashable, result: object, size: int) -> None:
        """Keep a result of so many bytes.

        Raises:
            DifferentResultError: with `verify`, another one is kept for this key.
        """
        with self._lock:
            before, freed = self._kept.pop(key, (result, 0))
            self._size += size - freed
            self._kept[key] = result, size
            while self._size > self._most:
                _, (_, freed) = self._kept.popitem(last=False)
                self._size -= freed
        if self.verify and before != result:
            raise DifferentResultError(
                f"a kept result ({_kind(key)}) differs from the one made now: please report this "
                f"error, and restart the service"
            )


def _kind(key: Hashable) -> str:
    """What a result is, by the first part of its key."""
    return str(key[0] if isinstance(key, tuple) and key else key)
