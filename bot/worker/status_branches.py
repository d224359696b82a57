"""Reads the status documents that clusters push to branches of a repository of its own."""

import asyncio

from bot.context import Context
from bot.documents.cluster_status import FILE, SIGNATURE
from bot.effects.wake import wake
from bot.git import GitError, Mirror
from bot.store.keys import application_key
from bot.web.cluster_status import SignedStatus, StatusRefusedError
from bot.worker.status_documents import refused, take_in
from planners.model import Repo

PREFIX = "status/"


async def read_status_branches(context: Context, repo: Repo, report_keys: tuple[str, ...]) -> None:
    """Take in the document of every branch `status/<cluster>` that has moved since the last time.

    A document that does not count is logged, and the branch is read again when it moves.

    Raises:
        ForgeError, GitError: the repository cannot be reached or read.
    """
    info = await context.forge(repo).repository(repo.path)
    url, access = await context.reach(repo, info)
    mirror = await asyncio.to_thread(context.mirrors.of, repo)
    await asyncio.to_thread(mirror.fetch, url, access)
    heads = await asyncio.to_thread(mirror.branches, PREFIX)
    news: set[str] = set()
    for branch, head in heads.items():
        if context.status_heads.get(branch) == head:
            continue
        cluster = branch.removeprefix(PREFIX)
        try:
            signed = await asyncio.to_thread(_read, mirror, cluster, head)
            news |= await take_in(context, report_keys, signed)
        except (StatusRefusedError, GitError) as error:
            refused(cluster, str(error))
        context.status_heads[branch] = head
    for gone in context.status_heads.keys() - heads.keys():
        del context.status_heads[gone]
    await wake(context, map(application_key, news))


def _read(mirror: Mirror, cluster: str, head: str) -> SignedStatus:
    entries = mirror.entries(head, (FILE, SIGNATURE))
    missing = {FILE, SIGNATURE} - entries.keys()
    if missing:
        raise StatusRefusedError(f"the branch has no {' and no '.join(sorted(missing))}")
    signature = mirror.blob(entries[SIGNATURE]).decode("ascii", "replace").strip()
    return SignedStatus(cluster, mirror.blob(entries[FILE]), signature)
