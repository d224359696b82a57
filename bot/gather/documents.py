"""Documents of the fleet repo and of app repos, read at a commit."""

import asyncio
from dataclasses import replace

from bot.context import Context
from bot.documents import LoadedFleet, read_fleet
from bot.documents.tenants import with_tenant_setups
from bot.engine.results import ByContent
from bot.gather.errors import DocumentsError
from bot.gather.repository import Checkout
from bot.gather.sources import AppFiles, read_sources
from planners.model import Fleet, Registration

DOCUMENT = 2_000
"""Bytes that a document of the fleet takes in memory, about."""

FILE = 200


async def fleet_at(context: Context, checkout: Checkout, sha: str) -> Fleet:
    """What the fleet repo says at a commit; read once for each tree.

    Raises:
        DocumentsError: a document is wrong.
    """
    loaded = await documents_at(context, checkout, sha)
    if loaded.problems:
        raise DocumentsError(f"{context.fleet}@{sha[:8]}", loaded.problems)
    return loaded.fleet


async def documents_at(context: Context, checkout: Checkout, sha: str) -> LoadedFleet:
    """The documents of the fleet repo at a commit, with their mistakes."""
    return await asyncio.to_thread(_fleet, context, checkout, sha)


def _fleet(context: Context, checkout: Checkout, sha: str) -> LoadedFleet:
    def read() -> LoadedFleet:
        loaded = read_fleet(checkout.mirror.files(sha), context.fleet)
        if loaded.problems:
            return loaded
        return replace(loaded, fleet=with_tenant_setups(loaded.fleet, context.fleet))

    key = "fleet", context.fleet, checkout.mirror.tree(sha)
    return context.results.get(key, read, _fleet_size)


def _fleet_size(loaded: LoadedFleet) -> int:
    fleet = loaded.fleet
    return DOCUMENT * (1 + len(fleet.clusters) + len(fleet.registrations) + len(loaded.problems))


async def application_at(
    context: Context, checkout: Checkout, sha: str, fleet: Fleet, registration: Registration
) -> AppFiles:
    """An application and its files at a commit of its app repo; read once for each folder's tree.

    Raises:
        DocumentsError, GatherError: `switchyard.yaml` is wrong, or a source cannot be used.
        AwayError: a chart must be fetched, and its host is away.
    """
    return await asyncio.to_thread(_application, context, checkout, sha, fleet, registration)


def _application(
    context: Context, checkout: Checkout, sha: str, fleet: Fleet, registration: Registration
) -> AppFiles:
    mirror, path = checkout.mirror, registration.path

    def read() -> AppFiles:
        return read_sources(mirror.files(sha, path), fleet, registration, context.charts)

    key = "application", registration, mirror.tree(sha, path), ByContent("fleet", fleet)
    return context.results.get(key, read, _application_size)


def _application_size(read: AppFiles) -> int:
    trees = (*read.sources.values(), read.files)
    contents = {id(content): len(content) for tree in trees for content in tree.values()}
    return FILE * sum(map(len, trees)) + sum(contents.values())
