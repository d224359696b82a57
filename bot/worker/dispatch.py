"""From hints to keys: a stored webhook names a repository; whoever is concerned gets a pass.

Called after a delivery is stored, and by the sweep that makes lost webhooks harmless.
"""

import asyncio
from datetime import timedelta

from bot.context import Context
from bot.effects.propose_change import BRANCHES
from bot.effects.wake import wake
from bot.gather.fleet import read_fleet_at
from bot.report.summary_view import fleet_view
from bot.store.keys import FLEET, application_key, review_key
from planners.model import Fleet, Repo

KEPT = timedelta(days=7)
AUDIT_KEPT = timedelta(days=365)


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


async def drain(context: Context) -> int:
    """Turn stored deliveries into due keys; how many there were. Safe to be cut off anywhere."""
    entries = await asyncio.to_thread(context.store.inbox.pending, 500)
    if not entries:
        return 0
    fleet = await _show_fleet(context)
    keys: set[str] = set()
    for entry in entries:
        keys |= concerned(fleet, context.fleet, Repo(entry.forge, entry.repository), entry.number)
    await wake(context, keys)
    await asyncio.to_thread(context.store.inbox.done, [entry.id for entry in entries])
    return len(entries)


async def sweep(context: Context) -> None:
    """Make everything due: what a lost webhook would have said is found again here.

    A key set aside because its passes ended abnormally gets another chance with each sweep.
    """
    await asyncio.to_thread(context.store.inbox.prune, context.clock() - KEPT)
    await asyncio.to_thread(context.store.audit.prune, context.clock() - AUDIT_KEPT)
    fleet = await _show_fleet(context)
    keys = {application_key(each.application) for each in fleet.registrations}
    for repo in sorted({repo for each in fleet.registrations for repo in (each.app, each.deploy)}):
        keys |= await _reviews(context, repo)
    await wake(context, keys, release=True)


async def _show_fleet(context: Context) -> Fleet:
    """The fleet as it is now, which its page shows as well."""
    fleet, revision = await read_fleet_at(context)
    view = fleet_view(fleet, revision)
    if await asyncio.to_thread(context.store.views.get, FLEET) != view:
        await asyncio.to_thread(context.store.views.put, FLEET, view)
    return fleet


async def _reviews(context: Context, repo: Repo) -> set[str]:
    me = await context.forge(repo).me()
    requests = await context.forge(repo).merge_requests(repo.path, state="open")
    return {
        review_key(repo, each.number)
        for each in requests
        if each.author.id != me.id or each.source_branch.startswith(BRANCHES)
    }
