"""Makes keys due, so that their passes begin at once."""

import asyncio
from collections.abc import Iterable, Sequence

from bot.context import Context


async def wake(context: Context, keys: Iterable[str], *, release: bool = False) -> None:
    """Make keys due now; `release` those too that were set aside."""
    wanted: Sequence[str] = sorted(keys)
    if wanted:
        queue = context.store.queue
        await asyncio.to_thread(queue.trigger, wanted, context.clock(), release=release)
