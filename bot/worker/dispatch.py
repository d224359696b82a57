"""Turns hints into keys: a stored webhook names a repository; the keys it concerns become due.

Runs after a delivery is stored.
"""

import asyncio
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import TypeVar

import structlog

from bot.context import Context
from bot.effects.wake import hint, hints, wake
from bot.engine import discovery
from bot.gather.fleet import last_known_fleet, read_fleet_at
from bot.report.cluster_details import FLEET_DETAILS, fleet_details
from bot.report.model import FLEETS, REPORTERS, TENANTS
from bot.report.summary_view import fleet_view, reporters_view, tenants_view
from bot.store.inbox import InboxEntry
from bot.store.keys import agent_key, application_key, cluster_key, echo_key, review_key
from bot.store.queue import Trigger
from bot.store.views import ViewKind, Views
from bot.worker.clusters import reached_clusters
from bot.worker.supervision import RETRIED
from planners.gating.merge_requests import PREFIX
from planners.model import Fleet, Repo
from plugins import ApiAgent

MOST_AT_ONCE = 5_000
"""So many webhooks are turned into keys at a time: a burst costs one reading of the fleet."""
LATER = timedelta(seconds=10)
"""When applications look at changes in a deploy repo that are for another one, or their own."""

PUBLISHED = (FLEETS, FLEET_DETAILS, REPORTERS, TENANTS)
PUBLISHED_SIZE = 1_000
MOST_READ = 100
MOST_BRANCHES = 100_000

T = TypeVar("T")
Hints = dict[Repo, set[int]]

log = structlog.get_logger()


def keys_for(fleet: Fleet, fleet_repo: Repo, repo: Repo, numbers: Iterable[int]) -> set[str]:
    """The keys that changes in a repository and in some of its merge requests concern.

    The fleet repo concerns every application, a deploy repo those that deploy there, an app repo
    its applications; in each a merge request has a key of its own. Clusters whose API servers
    Switchyard talks to, and agents that are configured through an API, follow the fleet repo and
    the deploy repos.
    """
    keys = {
        application_key(each.application)
        for each in fleet.registrations
        if repo in {fleet_repo, each.deploy, each.app}
    }
    if repo == fleet_repo or any(repo == each.deploy for each in fleet.registrations):
        keys |= followers(fleet)
    if repo in registered_repos(fleet_repo, fleet):
        keys |= {review_key(repo, number) for number in numbers}
    return keys


def followers(fleet: Fleet) -> set[str]:
    """The keys of clusters and agents that Switchyard itself tells what was merged."""
    return {cluster_key(each) for each in reached_clusters(fleet)} | agent_keys(fleet)


def agent_keys(fleet: Fleet) -> set[str]:
    """The keys of the fleet's agents that are configured through an API."""
    known = discovery.agents()
    names = {each.agent for each in fleet.clusters}
    return {agent_key(name) for name in names if isinstance(known.get(name), ApiAgent)}


def registered_repos(fleet_repo: Repo, fleet: Fleet) -> set[Repo]:
    """The repositories that passes read."""
    each = fleet.registrations
    return {fleet_repo, *(one.app for one in each), *(one.deploy for one in each)}


async def drain(context: Context) -> int:
    """Turn stored deliveries into due keys; returns how many there were. Safe to interrupt."""
    entries = await asyncio.to_thread(context.store.inbox.pending, MOST_AT_ONCE)
    if not entries:
        return 0
    if any(Repo(each.forge, each.repository) == context.fleet for each in entries):
        await hint(context, [context.fleet])
    fleet = await _published(context, *await last_known_fleet(context))
    deploys = {each.deploy for each in fleet.registrations} - {context.fleet}
    echoes, news = await _told_apart(context, entries, deploys)
    keys, later = set[str](), set[str]()
    for repo, numbers in news.items():
        others = await _others(context, fleet, repo, numbers)
        later |= others
        keys |= keys_for(fleet, context.fleet, repo, numbers) - others
    if echoes:
        later |= {review_key(repo, number) for repo in echoes for number in echoes[repo]}
        keys |= followers(fleet)
    changed = (news.keys() - {context.fleet}) & registered_repos(context.fleet, fleet)
    now = context.clock()
    triggers = (
        Trigger(keys, now),
        Trigger(later, now + LATER),
        Trigger({*map(echo_key, echoes)}, now + LATER, release=True),
    )
    ids = [entry.id for entry in entries]
    await asyncio.to_thread(context.store.hand_on, ids, hints(changed), triggers)
    return len(entries)


async def hear_echo(context: Context, name: str) -> None:
    """Say that Switchyard has changed a deploy repo, and make its applications due.

    The pass that did it has said so, unless it ended before, or the forge did it late.
    """
    fleet, _ = await last_known_fleet(context)
    found = [each for each in fleet.registrations if str(each.deploy) == name]
    await hint(context, (each.deploy for each in found))
    await wake(context, (application_key(each.application) for each in found))


async def _told_apart(
    context: Context, entries: Iterable[InboxEntry], deploys: Collection[Repo]
) -> tuple[Hints, Hints]:
    """What Switchyard itself did to deploy repos, and all else: merge requests by repository.

    The pass that did something has seen it, and wakes itself: a webhook about it needs no pass now.
    """
    echoes: Hints = {}
    news: Hints = {}
    for entry in entries:
        repo = Repo(entry.forge, entry.repository)
        own = repo in deploys and entry.sender and entry.sender == await _login(context, repo)
        numbers = (echoes if own else news).setdefault(repo, set())
        if entry.number is not None:
            numbers.add(entry.number)
    return echoes, news


async def _login(context: Context, repo: Repo) -> str:
    """The bot's login on the forge of a repository; empty if the forge does not say now."""
    try:
        return (await context.forge(repo).me()).login
    except RETRIED as error:
        log.warning("own account not read", forge=repo.forge, error=str(error))
        return ""


async def _others(context: Context, fleet: Fleet, repo: Repo, numbers: Collection[int]) -> set[str]:
    """The keys of applications that share a deploy repo with those that hints are for.

    A merge request on a branch of ours is for one application, whose name is in the branch. What
    has no number, such as a push, is seen sooner by whoever pushed, or told with a number too.
    Nobody waits where a merge request is another one, or cannot be read, or where there are many.
    """
    sharing = {each.application for each in fleet.registrations if each.deploy == repo}
    if len(sharing) <= 1 or repo == context.fleet or len(numbers) > MOST_READ:
        return set()
    concerned = {each.application for each in fleet.registrations if each.app == repo}
    for number in numbers:
        prefix, _, name = (await _source_branch(context, repo, number)).partition("/")
        application = name.partition("/")[0]
        if prefix != PREFIX or application not in sharing:
            return set()
        concerned.add(application)
    return {application_key(name) for name in sharing - concerned}


async def _source_branch(context: Context, repo: Repo, number: int) -> str:
    """The branch of a merge request, which never changes; empty if it cannot be read."""
    known = context.source_branches
    if (repo, number) not in known:
        try:
            request = await context.forge(repo).merge_request(repo.path, number)
        except RETRIED as error:
            log.warning("merge request not read", repo=str(repo), number=number, error=str(error))
            return ""
        if len(known) >= MOST_BRANCHES:
            known.clear()
        known[repo, number] = request.source_branch
    return known[repo, number]


async def publish_fleet(context: Context) -> Fleet:
    """Read the fleet; update the views that are made of it."""
    return await _published(context, *await read_fleet_at(context))


async def _published(context: Context, fleet: Fleet, revision: str) -> Fleet:
    await asyncio.to_thread(_publish, context, fleet, revision)
    return fleet


def _publish(context: Context, fleet: Fleet, revision: str) -> None:
    """Update the views, unless those in the store are known as the ones of this revision."""
    views = context.store.views
    stored = views.versions(PUBLISHED)
    key = "published", context.fleet, revision, stored
    if context.results.find(key) is not None:
        return
    changed = [
        _update(views, FLEETS, fleet_view(fleet, revision)),
        _update(views, FLEET_DETAILS, fleet_details(fleet)),
        _update(views, REPORTERS, reporters_view(fleet)),
        _update(views, TENANTS, tenants_view(fleet)),
    ]
    if not any(changed) and views.versions(PUBLISHED) == stored:
        context.results.keep(key, result=True, size=PUBLISHED_SIZE)


def _update(views: Views, kind: ViewKind[T], view: T) -> bool:
    """Save a view unless it is stored; whether it was saved."""
    if views.load_shared(kind, "") == view:
        return False
    views.save(kind, "", view)
    return True
