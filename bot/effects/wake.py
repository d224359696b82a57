"""Makes keys due, so that their passes begin at once."""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta

from bot.context import Context
from bot.store.keys import HINTS
from planners.model import Repo

NOW = timedelta()


async def wake(
    context: Context, keys: Iterable[str], *, release: bool = False, after: timedelta = NOW
) -> None:
    """Make keys due now, or `after` a while; `release` those too that were set aside."""
    wanted: Sequence[str] = sorted(keys)
    if wanted:
        queue = context.store.queue
        await asyncio.to_thread(queue.trigger, wanted, context.clock() + after, release=release)


async def hint(context: Context, repos: Iterable[Repo]) -> None:
    """Say that repositories may have changed, to the passes that read them at their known heads."""
    await asyncio.to_thread(context.store.views.put_all, hints(repos))


def hints(repos: Iterable[Repo]) -> dict[str, dict[str, str]]:
    """A new hint for each repository, to be stored."""
    return {f"{HINTS}{repo}": {"id": secrets.token_hex(8)} for repo in sorted(set(repos))}
