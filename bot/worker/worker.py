"""Workers: claim a due key, reconcile it, release it. Any number of them, in any process."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from bot.context import Context
from bot.forges import ForgeError, TransientForgeError
from bot.gather.errors import GatherError
from bot.gather.fleet import read_fleet
from bot.git import GitError
from bot.store.keys import AGENT, APPLICATION, CLUSTER, REVIEW
from bot.store.queue import Claim
from bot.worker.agents import reconcile_agent
from bot.worker.clusters import reconcile_cluster
from bot.worker.foreign_requests import allow_foreign_request
from bot.worker.reconcile import reconcile_application, reconcile_review
from bot.worker.shares import Shares, tenant_of
from planners.model import Repo

HEARTBEATS = 3
POSTPONED = timedelta(seconds=1)
BACKOFF = (1, 2, 5, 10, 30, 60, 120)

log = structlog.get_logger()


async def work_forever(
    context: Context,
    owner: str,
    lease: timedelta,
    idle: Callable[[], Awaitable[None]],
    shares: Shares,
) -> None:
    """Reconcile due keys until cancelled; `idle` returns when another one may be due."""
    while True:
        try:
            busy = await work_one(context, owner, lease, shares)
        except Exception:
            log.exception("pass ended abnormally")
            busy = True
        if not busy:
            await idle()


async def work_one(
    context: Context, owner: str, lease: timedelta, shares: Shares | None = None
) -> bool:
    """Claim one due key and reconcile it; False when none is due.

    The key of a tenant who has its share of the workers is given back, and due a little later.
    """
    queue = context.store.queue
    claim = await asyncio.to_thread(queue.claim, owner, lease, context.clock())
    if claim is None:
        return False
    shares = shares or Shares(most=1)
    tenant = await tenant_of(context.store.views, claim.key)
    if shares.is_full(tenant):
        await asyncio.to_thread(queue.postpone, claim, context.clock() + POSTPONED)
        return True
    with shares.taken(tenant):
        await _work(context, claim, lease)
    return True


async def _work(context: Context, claim: Claim, lease: timedelta) -> None:
    beating = asyncio.create_task(_heartbeat(context, claim, lease))
    try:
        next_due = await _pass(context, claim.key)
    except (GatherError, ForgeError, GitError) as error:
        await _retry_later(context, claim, error)
    else:
        await asyncio.to_thread(context.store.queue.done, claim, next_due)
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def _pass(context: Context, key: str) -> datetime | None:
    kind, _, rest = key.partition("/")
    if kind == APPLICATION:
        return await reconcile_application(context, rest)
    if kind == CLUSTER:
        return await reconcile_cluster(context, rest)
    if kind == AGENT:
        return await reconcile_agent(context, rest)
    if kind == REVIEW:
        name, _, number = rest.rpartition("!")
        forge, _, path = name.partition(":")
        repo = Repo(forge, path)
        fleet = await read_fleet(context)
        applications = tuple(
            sorted(each.application for each in fleet.registrations if each.app == repo)
        )
        if any(each.deploy == repo for each in fleet.registrations):
            await allow_foreign_request(context, repo, int(number))
        return await reconcile_review(context, repo, int(number), applications)
    raise ValueError(f"no worker knows the key {key!r}")


async def _retry_later(context: Context, claim: Claim, error: Exception) -> None:
    """Retry later: longer after each failure, or when the forge says; the reason stays visible."""
    seconds = float(BACKOFF[min(claim.attempts, len(BACKOFF)) - 1])
    if isinstance(error, TransientForgeError):
        seconds = max(seconds, error.retry_after)
    log.warning("pass failed", key=claim.key, error=str(error), retry_in=seconds)
    due = context.clock() + timedelta(seconds=seconds)
    await asyncio.to_thread(context.store.queue.retry, claim, str(error), due)


async def _heartbeat(context: Context, claim: Claim, lease: timedelta) -> None:
    """Extend the lease several times before it expires."""
    while True:
        await asyncio.sleep(lease.total_seconds() / HEARTBEATS)
        await asyncio.to_thread(context.store.queue.heartbeat, claim, lease, context.clock())
