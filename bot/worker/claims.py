"""What a pass may write: only while its claim is valid, and each write to its end.

A process that is told to stop in the middle of a write lets the write end before it gives its claim
back: whoever takes over reads what was written.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from bot.clock import Clock
from bot.store import ClaimLostError
from bot.store.queue import Claim, Queue

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClaimFence:
    """The fence of one pass."""

    queue: Queue
    claim: Claim
    lease: timedelta
    clock: Clock
    _writes: set[asyncio.Future[Any]] = field(default_factory=set)

    async def write(self, make: Callable[[], Awaitable[T]]) -> T:
        """Confirm the claim in the database and write; a cancellation does not stop the write.

        Raises:
            ClaimLostError: another worker has the key.
            StoreError: the claim cannot be confirmed.
        """
        if not await asyncio.to_thread(self.queue.confirm, self.claim, self.lease, self.clock()):
            raise ClaimLostError(self.claim.key)
        write: asyncio.Future[T] = asyncio.ensure_future(make())
        self._writes.add(write)
        write.add_done_callback(self._writes.discard)
        return await asyncio.shield(write)

    async def finish(self) -> None:
        """Wait for the writes that are under way: until then nobody else may begin."""
        if self._writes:
            await asyncio.wait(self._writes)
