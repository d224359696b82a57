"""Documents of the fleet repo and of app repos, read at a commit."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.context import Context
from bot.documents import LoadedFleet, read_fleet
from bot.documents.tenants import with_tenant_setups
from bot.engine.results import ByContent
from bot.gather.errors import DocumentsError
from bot.gather.repository import Checkout
from bot.gather.sources import AppFiles, read_sources
from planners.model import Fleet, Registration
from renderers.tree import FileTree, PartialTree, unread

DOCUMENT = 2_000
"""Bytes that a document of the fleet takes in memory, about."""

FILE, MODEL = 200, 5
"""Bytes that a file takes besides its content, and how often an application its text."""


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
    key = "fleet", context.fleet, checkout.mirror.tree(sha)
    return context.results.get(
        key, lambda: _loaded(context, checkout.mirror.files(sha)), _fleet_size
    )


def _loaded(context: Context, files: FileTree) -> LoadedFleet:
    loaded = read_fleet(files, context.fleet)
    if loaded.problems:
        return loaded
    return replace(loaded, fleet=with_tenant_setups(loaded.fleet, context.fleet))


@dataclass(frozen=True, slots=True)
class ProposedDocuments:
    """The documents as a commit would leave them on the default branch.

    `conflicts` are files that both have changed since they parted; nothing is loaded then.
    """

    loaded: LoadedFleet
    conflicts: tuple[str, ...] = ()


async def documents_merged(context: Context, checkout: Checkout, sha: str) -> ProposedDocuments:
    """The documents of the fleet repo with the changes of a commit, file by file."""
    return await asyncio.to_thread(_merged, context, checkout, sha)


def _merged(context: Context, checkout: Checkout, sha: str) -> ProposedDocuments:
    mirror, head = checkout.mirror, checkout.head
    base = mirror.merge_base(head, sha)
    if base in {None, head}:
        return ProposedDocuments(_fleet(context, checkout, sha))
    assert base is not None
    theirs = {each.path: each.new for each in mirror.changed_files(base, sha)}
    ours = {each.path: each.new for each in mirror.changed_files(base, head)}
    conflicts = sorted(p for p in theirs.keys() & ours.keys() if theirs[p] != ours[p])
    if conflicts:
        return ProposedDocuments(LoadedFleet(Fleet()), tuple(conflicts))

    def read() -> LoadedFleet:
        return _loaded(context, _with_files(mirror.files(head), mirror.files(sha), theirs))

    key = "merged fleet", context.fleet, mirror.tree(head), mirror.tree(base), mirror.tree(sha)
    return ProposedDocuments(context.results.get(key, read, _fleet_size))


def _with_files(files: FileTree, others: FileTree, paths: Iterable[str]) -> FileTree:
    """The files, with some paths as they are in the other ones."""
    kept, why = dict(files), dict(unread(files))
    for path in paths:
        kept.pop(path, None)
        why.pop(path, None)
        if path in others:
            kept[path] = others[path]
        elif path in unread(others):
            why[path] = unread(others)[path]
    return PartialTree(kept, why)


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
    documents = MODEL * len(repr(read.application))
    return FILE * sum(map(len, trees)) + sum(contents.values()) + documents
