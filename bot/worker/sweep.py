"""The periodic sweep makes everything due, so that a lost webhook costs time only.

A repository costs what tells whether something happened there: its description, the head of its
default branch and the merge requests that changed since the last sweep. If so, passes that read it
are told by a hint; all others look without the forge (see `idle`).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from bot.context import Context
from bot.effects.intent_requests import BRANCHES
from bot.effects.wake import hint, wake
from bot.forges import ChangedRequest
from bot.gather.errors import EmptyRepositoryError
from bot.gather.repository import fetch
from bot.store.database import moment, seconds
from bot.store.keys import SWEPT, application_key, review_key
from bot.worker.dispatch import MOST_READ, followers, publish_fleet, registered_repos
from bot.worker.retention import DELIVERIES_KEPT, forget, prune
from bot.worker.supervision import RETRIED
from planners.model import Repo

OVERLAP = timedelta(minutes=10)
"""A sweep looks back behind the last one: clocks differ, and lists of forges lag."""
SETTLED = timedelta(minutes=1)
"""What changed last changes again within the same second, which its time does not tell: it counts
as changed in the next sweep too."""
AT_ONCE = 4

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Found:
    """What a sweep found in a repository; `row` is kept for the next one.

    `numbers` are the merge requests whose passes are due.
    """

    repo: Repo
    is_changed: bool
    numbers: frozenset[int] = frozenset()
    row: dict[str, Any] | None = None


async def sweep(context: Context) -> None:
    """Make every key due, including those in quarantine because their passes ended abnormally.

    A repository that cannot be read is logged and left to the next sweep.
    """
    await asyncio.to_thread(prune, context.store, context.clock())
    fleet = await publish_fleet(context)
    repos, slots = registered_repos(context.fleet, fleet), asyncio.Semaphore(AT_ONCE)
    await asyncio.to_thread(forget, context.store, fleet, repos)
    known = await asyncio.to_thread(context.store.views.get_each, map(_key, repos))
    found = await asyncio.gather(
        *(_found(context, each, known.get(_key(each), {}), slots) for each in sorted(repos))
    )
    keys = {application_key(each.application) for each in fleet.registrations}
    keys |= followers(fleet)
    due = [(each.repo, number) for each in found for number in each.numbers]
    keys |= {review_key(repo, number) for repo, number in due}
    await hint(context, {each.repo for each in found if each.is_changed})
    await wake(context, keys, release=True)
    rows = {_key(each.repo): each.row for each in found if each.row is not None}
    await asyncio.to_thread(context.store.views.put_all, rows)


def _key(repo: Repo) -> str:
    """The key of what the last sweep found in a repository."""
    return f"{SWEPT}{repo}"


async def _found(
    context: Context, repo: Repo, before: Mapping[str, Any], slots: asyncio.Semaphore
) -> _Found:
    async with slots:
        try:
            return await _read(context, repo, before)
        except RETRIED as error:
            log.warning("repository not read", repo=str(repo), error=str(error))
            return _Found(repo, is_changed=True)


async def _read(context: Context, repo: Repo, before: Mapping[str, Any]) -> _Found:
    """What happened in a repository since the last sweep, which found what was `before`.

    Due are open merge requests that are not ours, as the plan that they would make depends on other
    repositories, and all that changed: people command on closed ones too, and the webhook of a
    comment may have been lost.
    """
    now = context.clock()
    since = moment(before["at"]) - OVERLAP if before else now - DELIVERIES_KEPT
    head = await _head(context, repo)
    changed = (await context.forge(repo).changed_requests(repo.path, since))[:MOST_READ]
    known = before.get("seen", {})
    news = {each.number for each in changed if known.get(str(each.number)) != _state(each)}
    seen = {str(each.number): _state(each) for each in changed if now - each.at > SETTLED}
    is_changed = bool(news) or before.get("head") != head
    if is_changed or "open" not in before:
        ours, others = await _open(context, repo)
    else:
        ours, others = set(before["ours"]), set(before["open"])
    row = {
        "at": seconds(now),
        "head": head,
        "seen": seen,
        "open": sorted(others),
        "ours": sorted(ours),
    }
    return _Found(repo, is_changed, frozenset((others | news) - ours), row)


async def _head(context: Context, repo: Repo) -> str:
    try:
        return (await fetch(context, repo)).head
    except EmptyRepositoryError:
        return ""


def _state(each: ChangedRequest) -> str:
    return f"{each.at.isoformat()} {each.head}"


async def _open(context: Context, repo: Repo) -> tuple[set[int], set[int]]:
    """The open merge requests: ours, which have no key of their own, and others."""
    forge = context.forge(repo)
    me = await forge.me()
    requests = await forge.merge_requests(repo.path, state="open")
    ours = {
        each.number
        for each in requests
        if each.author.id == me.id and not each.source_branch.startswith(BRANCHES)
    }
    return ours, {each.number for each in requests} - ours
