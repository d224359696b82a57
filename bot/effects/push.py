"""Pushes branches: the only writer of Git repositories."""

import asyncio
from collections.abc import Mapping
from functools import partial

from bot.context import Context
from bot.gather.repository import Checkout
from bot.git import BranchUpdate, Signature

BOT = Signature("Switchyard", "switchyard@noreply.invalid")


async def push(
    context: Context, checkout: Checkout, updates: Mapping[str, BranchUpdate]
) -> Mapping[str, str | None]:
    """Push branches of a repository in one exchange.

    `updates` is by branch name. Returns for each branch why it was rejected, or None.

    Raises:
        GitError, TransientGitError: the server cannot be reached, or refuses everything.
        ClaimLostError: another worker has the key of this pass.
    """
    url, access = await context.reach(checkout.repo, checkout.info)
    send = partial(asyncio.to_thread, checkout.mirror.push, url, access, updates)
    return await context.fence.write(send)
