"""From hints to keys: a stored webhook names a repository; whoever is concerned gets a pass.

Called after a delivery is stored, and by the sweep that makes lost webhooks harmless.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta

from bot.chatops.intents import BRANCHES
from bot.context import Shell
from bot.gather.documents import fleet_at
from bot.gather.repository import fetch
from bot.report.summary_view import FLEET, fleet_view
from planners.model import Fleet, Repo

APPLICATION = "application"
REVIEW = "review"
KEPT = timedelta(days=7)
AUDIT_KEPT = timedelta(days=365)


def application_key(application: str) -> str:
    """The queue's key for the passes of an application."""
    return f"{APPLICATION}/{application}"


def review_key(repo: Repo, number: int) -> str:
    """The queue's key for a merge request that people opened in an app or deploy repo."""
    return f"{REVIEW}/{repo}!{number}"


async def read_fleet(shell: Shell) -> Fleet:
    """The fleet at the head of its repository's default branch; its page shows the same."""
    checkout = await fetch(shell, shell.fleet)
    fleet = await fleet_at(shell, checkout, checkout.head)
    view = fleet_view(fleet, checkout.head)
    if await asyncio.to_thread(shell.store.views.get, FLEET) != view:
        await asyncio.to_thread(shell.store.views.put, FLEET, view)
    return fleet


def concerned(fleet: Fleet, fleet_repo: Repo, repo: Repo, number: int | None) -> set[str]:
    """The keys that a change in a repository concerns.

    The fleet repo concerns every application, a deploy repo those that deploy there, an app repo
    its applications; in both a merge request has a key of its own.
    """
    keys = {
        application_key(each.application)
        for each in fleet.registrations
        if repo in {fleet_repo, each.deploy, each.app}
    }
    if number is not None and any(repo in {each.app, each.deploy} for each in fleet.registrations):
        keys.add(review_key(repo, number))
    return keys


async def drain(shell: Shell) -> int:
    """Turn stored deliveries into due keys; how many there were. Safe to be cut off anywhere."""
    entries = await asyncio.to_thread(shell.store.inbox.pending, 500)
    if not entries:
        return 0
    fleet = await read_fleet(shell)
    keys: set[str] = set()
    for entry in entries:
        keys |= concerned(fleet, shell.fleet, Repo(entry.forge, entry.repository), entry.number)
    await trigger(shell, keys)
    await asyncio.to_thread(shell.store.inbox.done, [entry.id for entry in entries])
    return len(entries)


async def sweep(shell: Shell) -> None:
    """Make everything due: what a lost webhook would have said is found again here.

    A key set aside because its passes ended abnormally gets another chance with each sweep.
    """
    await asyncio.to_thread(shell.store.inbox.prune, shell.clock() - KEPT)
    await asyncio.to_thread(shell.store.audit.prune, shell.clock() - AUDIT_KEPT)
    fleet = await read_fleet(shell)
    keys = {application_key(each.application) for each in fleet.registrations}
    for repo in sorted({repo for each in fleet.registrations for repo in (each.app, each.deploy)}):
        keys |= await _reviews(shell, repo)
    await trigger(shell, keys, release=True)


async def _reviews(shell: Shell, repo: Repo) -> set[str]:
    me = await shell.forge(repo).me()
    requests = await shell.forge(repo).merge_requests(repo.path, state="open")
    return {
        review_key(repo, each.number)
        for each in requests
        if each.author.id != me.id or each.source_branch.startswith(BRANCHES)
    }


async def trigger(shell: Shell, keys: Iterable[str], *, release: bool = False) -> None:
    """Make keys due now; `release` those too that were set aside."""
    wanted: Sequence[str] = sorted(keys)
    if wanted:
        queue = shell.store.queue
        await asyncio.to_thread(queue.trigger, wanted, shell.clock(), release=release)
