"""Documents of the fleet repo and of app repos, read at a commit."""

import asyncio

from bot.context import Context
from bot.documents import read_fleet
from bot.documents.tenants import with_tenant_setups
from bot.gather.errors import DocumentsError
from bot.gather.repository import Checkout
from bot.gather.sources import AppFiles, read_sources
from planners.model import Fleet, Registration


async def fleet_at(context: Context, checkout: Checkout, sha: str) -> Fleet:
    """What the fleet repo says at a commit.

    Raises:
        DocumentsError: a document is wrong.
    """
    files = await asyncio.to_thread(checkout.mirror.files, sha)
    loaded = await asyncio.to_thread(read_fleet, files)
    if loaded.problems:
        raise DocumentsError(f"{context.fleet}@{sha[:8]}", loaded.problems)
    return with_tenant_setups(loaded.fleet, context.fleet)


async def application_at(
    context: Context, checkout: Checkout, sha: str, fleet: Fleet, registration: Registration
) -> AppFiles:
    """An application and its files at a commit of its app repo.

    Raises:
        DocumentsError, GatherError: `switchyard.yaml` is wrong, or a source cannot be used.
        AwayError: a chart must be fetched, and its host is away.
    """
    files = await asyncio.to_thread(checkout.mirror.files, sha, registration.path)
    return await asyncio.to_thread(read_sources, files, fleet, registration, context.charts)
