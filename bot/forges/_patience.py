"""Reads that are tried again within a pass: most calls work while a forge has a bad hour.

A pass makes dozens of reads. Where each tenth fails, passes that begin anew at every failure never
come to an end. Writes are not tried again here: the next pass reads first what became of them.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from bot.forges._values import TransientForgeError

if TYPE_CHECKING:
    from bot.forges import Forge

READS = frozenset(
    {
        "checks",
        "comments",
        "contributors",
        "git_credentials",
        "me",
        "member",
        "merge_request",
        "merge_request_of",
        "merge_requests",
        "repository",
        "reviews",
        "role",
        "statuses",
        "user",
    }
)
PAUSES = (0.3, 1.0, 2.0, 4.0)
LONGEST_LIMIT = 75.0

Pause = Callable[[float], Awaitable[None]]


class _Patient:
    """A forge whose reads are patient."""

    def __init__(self, forge: "Forge", pause: Pause) -> None:
        self._forge, self._pause = forge, pause

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._forge, name)
        if name not in READS:
            return found

        async def read(*arguments: Any, **named: Any) -> Any:
            for pause in PAUSES:
                try:
                    return await found(*arguments, **named)
                except TransientForgeError as error:
                    if error.is_limit and error.retry_after > LONGEST_LIMIT:
                        raise
                    await self._pause(error.retry_after if error.is_limit else pause)
            return await found(*arguments, **named)

        return read


def patient(forge: "Forge", pause: Pause) -> "Forge":
    """The forge, with reads that are tried again after a pause.

    A limit of the forge is waited for, if it ends in about a minute: until then nobody may call it.
    """
    return cast("Forge", _Patient(forge, pause))
