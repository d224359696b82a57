"""Makes keys due, so that their passes begin at once."""

import asyncio
import secrets
from collections.abc import Iterable, Sequence

from bot.context import Context
from bot.store.keys import HINTS
from planners.model import Repo


async def wake(context: Context, keys: Iterable[str], *, release: bool = False) -> None:
    """Make keys due now; `release` those too that were set aside."""
    wanted: Sequence[str] = sorted(keys)
    if wanted:
        queue = context.store.queue
        await asyncio.to_thread(queue.trigger, wanted, context.clock(), release=release)


async def hint(context: Context, repos: Iterable[Repo]) -> None:
    """Say that repositories may have changed, to the passes that read them at their known heads."""
    views = context.store.views
    for repo in sorted(set(repos)):
        await asyncio.to_thread(views.put, f"{HINTS}{repo}", {"id": secrets.token_hex(8)})
