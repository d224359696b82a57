"""Pages of long lists, and addresses with a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import quote, urlencode

T = TypeVar("T")
MAX_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list of `total` items; `number` and `first` count from 1."""

    items: Sequence[T]
    number: int
    pages: int
    total: int
    first: int

    @property
    def last(self) -> int:
        """The position of the last item, counted from 1."""
        return self.first + len(self.items) - 1


def paged(items: Sequence[T], number: int, size: int) -> Page[T]:
    """The page of that number, or the nearest one."""
    pages = max(1, -(-len(items) // size))
    number = min(max(number, 1), pages)
    start = (number - 1) * size
    return Page(items[start : start + size], number, pages, len(items), start + 1)


def number(text: str) -> int:
    """A page number in an address; 1 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else 1


def address(path: str, fragment: str = "", **query: object) -> str:
    """An address on this site, without the empty parameters of the query."""
    parameters = urlencode(
        {name: value for name, value in query.items() if value not in {"", None}}
    )
    anchor = f"#{quote(fragment)}" if fragment else ""
    return quote(path) + (f"?{parameters}" if parameters else "") + anchor
