"""Writes that are made only while their pass still has the claim of its key.

A process that was stopped for longer than its lease goes on in the middle of a pass, beside the one
that has taken its key over. What it read is old by then, and what it writes was written already.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from bot.forges import Forge

T = TypeVar("T")

WRITES = frozenset(
    {
        "add_comment",
        "edit_comment",
        "merge",
        "open_merge_request",
        "react",
        "request_reviews",
        "set_merge_request_state",
        "set_status",
        "update_merge_request",
    }
)


class Fence(Protocol):
    """Lets a pass write while its claim is valid."""

    async def write(self, make: Callable[[], Awaitable[T]]) -> T:
        """Make a write, or raise before it."""


class Unfenced:
    """The fence of what needs no claim."""

    async def write(self, make: Callable[[], Awaitable[T]]) -> T:
        """Make a write."""
        return await make()


class _Fenced:
    """A forge whose writes are fenced."""

    def __init__(self, forge: "Forge", fence: Fence) -> None:
        self._forge, self._fence = forge, fence

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._forge, name)
        if name not in WRITES:
            return found

        async def write(*arguments: Any, **named: Any) -> Any:
            return await self._fence.write(partial(found, *arguments, **named))

        return write


def fenced(forge: "Forge", fence: Fence) -> "Forge":
    """The forge; each write goes through the fence."""
    return cast("Forge", _Fenced(forge, fence))
