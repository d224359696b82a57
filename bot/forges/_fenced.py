"""Writes that are made only while their pass still has the claim of its key.

A process that was stopped for longer than its lease goes on in the middle of a pass, beside the one
that has taken its key over. What it read is old by then, and what it writes was written already.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from bot.forges import Forge

Fence: TypeAlias = Callable[[], Awaitable[None]]
"""Returns while the claim of a pass is valid, and raises otherwise."""

WRITES = frozenset(
    {
        "add_comment",
        "edit_comment",
        "merge",
        "open_merge_request",
        "react",
        "set_merge_request_state",
        "set_status",
        "update_merge_request",
    }
)


class _Fenced:
    """A forge whose writes are fenced."""

    def __init__(self, forge: "Forge", fence: Fence) -> None:
        self._forge, self._fence = forge, fence

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._forge, name)
        if name not in WRITES:
            return found

        async def write(*arguments: Any, **named: Any) -> Any:
            await self._fence()
            return await found(*arguments, **named)

        return write


def fenced(forge: "Forge", fence: Fence) -> "Forge":
    """The forge; `fence` is awaited right before each write, and what it raises prevents it."""
    return cast("Forge", _Fenced(forge, fence))
