"""Workers: claim a due key, reconcile it, release it. Any number of them, in any process."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.chatops.closed_requests import refuse_commands
from bot.context import Context
from bot.documents.tenants import is_tenant_setup
from bot.forges import ForgeError, NotFoundError, TransientForgeError
from bot.gather.errors import GatherError
from bot.gather.fleet import fleet_in
from bot.gather.repository import Checkouts
from bot.gather.requests import is_wave
from bot.git import GitError
from bot.metrics.catalogue import PASSES
from bot.store import ClaimLostError, StoreError
from bot.store.keys import AGENT, APPLICATION, CLUSTER, ECHO, REVIEW
from bot.store.queue import Claim
from bot.worker.agents import reconcile_agent
from bot.worker.claims import ClaimFence
from bot.worker.clusters import reconcile_cluster
from bot.worker.dispatch import hear_echo
from bot.worker.fleet_requests import review_fleet_request
from bot.worker.foreign_requests import allow_foreign_request
from bot.worker.reconcile import reconcile_application, reconcile_review
from bot.worker.shares import Shares, tenant_of
from planners.model import Repo

HEARTBEATS = 3
POSTPONED = timedelta(seconds=1)
BACKOFF = (1, 2, 5, 10, 30, 60, 120)

_BEATING = ThreadPoolExecutor(1, "heartbeat")

log = structlog.get_logger()


class _GoneError(ForgeError):
    """The merge request of a key is not there: new ones may be found late, others are gone."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Takes one due key after another.

    `idle` returns when another key may be due; `heard` is told that a long pass goes on.
    """

    context: Context
    owner: str
    lease: timedelta
    idle: Callable[[], Awaitable[None]]
    shares: Shares
    heard: Callable[[], None] = lambda: None

    async def step(self) -> None:
        """Reconcile one due key, or wait. A pass that ends with a defect ends no worker.

        Raises:
            StoreError: the database is not available.
        """
        try:
            busy = await work_one(self.context, self.owner, self.lease, self.shares, self.heard)
        except StoreError:
            raise
        except Exception:
            log.exception("pass ended abnormally")
            busy = True
        if not busy:
            await self.idle()


async def work_one(
    context: Context,
    owner: str,
    lease: timedelta,
    shares: Shares | None = None,
    heard: Callable[[], None] = lambda: None,
) -> bool:
    """Claim one due key and reconcile it; False when none is due.

    The key of a tenant who has its share of the workers is given back, and due a little later.
    """
    shares = shares or Shares(most=1)
    claiming = asyncio.ensure_future(_claim(context, owner, lease, shares.preferred))
    try:
        claim = await asyncio.shield(claiming)
        if claim is None:
            return False
        tenant = await tenant_of(context.store.views, claim.key)
        if shares.is_full(tenant):
            due = context.clock() + POSTPONED
            await asyncio.to_thread(context.store.queue.postpone, claim, due)
            return True
        with shares.taken(tenant, claim.key):
            await _work(context, claim, lease, heard)
    except asyncio.CancelledError:
        await _hand_over(context, claiming)
        raise
    return True


async def _claim(context: Context, owner: str, lease: timedelta, prefer: str) -> Claim | None:
    queue, now = context.store.queue, context.clock()
    return await asyncio.to_thread(queue.claim, owner, lease, now, prefer=prefer)


async def _hand_over(context: Context, claiming: asyncio.Future[Claim | None]) -> None:
    """Make a claimed key due for others at once: this process stops.

    A thread may have claimed it meanwhile. Where the database is away, the lease ends.
    """
    with suppress(StoreError):
        claim = await claiming
        if claim is not None:
            await asyncio.to_thread(context.store.queue.postpone, claim, context.clock())


async def _work(
    context: Context, claim: Claim, lease: timedelta, heard: Callable[[], None]
) -> None:
    """Reconcile a claimed key for as long as the claim is valid."""
    kind = claim.key.partition("/")[0]
    with (
        context.metrics.timed(PASSES, kind=kind, outcome="stopped") as told,
        structlog.contextvars.bound_contextvars(key=claim.key, generation=claim.generation),
    ):
        try:
            told["outcome"] = await _reconcile_while_valid(context, claim, lease, heard)
        except Exception:
            told["outcome"] = "defect"
            raise


async def _reconcile_while_valid(
    context: Context, claim: Claim, lease: timedelta, heard: Callable[[], None]
) -> str:
    fence = ClaimFence(context.store.queue, claim, lease, context.clock)
    valid = asyncio.timeout(None)
    try:
        async with valid:
            beating = asyncio.create_task(_heartbeat(context, claim, lease, valid, heard))
            try:
                outcome = await _reconcile(replace(context, fence=fence), claim)
            finally:
                await fence.finish()
                beating.cancel()
                await asyncio.wait([beating])  # which lets a cancellation of this task through
            if not beating.cancelled():
                beating.result()
    except (TimeoutError, ClaimLostError) as error:
        if isinstance(error, TimeoutError) and not valid.expired():
            raise
        log.warning("pass stopped: another worker has claimed its key", key=claim.key)
        return "lost"
    return outcome


async def _reconcile(context: Context, claim: Claim) -> str:
    """Run the pass, and record what came of it; the outcome in a word."""
    queue = context.store.queue
    try:
        try:
            next_due = await _pass(context, claim.key)
            await asyncio.to_thread(queue.done, claim, next_due)
        except (GatherError, ForgeError, GitError) as error:
            await _retry_later(context, claim, error)
            return "retried"
    except StoreError:
        await _give_back(context, claim)
        return "database"
    return "done"


async def _give_back(context: Context, claim: Claim) -> None:
    """Make the key due as soon as the database can be written: the pass is not its key's fault."""
    while True:
        with suppress(StoreError):
            await asyncio.to_thread(context.store.queue.postpone, claim, context.clock())
            return
        await asyncio.sleep(POSTPONED.total_seconds())


async def _pass(context: Context, key: str) -> datetime | None:
    kind, _, rest = key.partition("/")
    if kind == APPLICATION:
        with context.traces.of_pass(key, context.clock):
            return await reconcile_application(context, rest)
    if kind == CLUSTER:
        return await reconcile_cluster(context, rest)
    if kind == AGENT:
        return await reconcile_agent(context, rest)
    if kind == ECHO:
        await hear_echo(context, rest)
        return None
    if kind == REVIEW:
        return await _review(context, rest)
    raise ValueError(f"no worker knows the key {key!r}")


async def _review(context: Context, rest: str) -> datetime | None:
    """The pass of a merge request.

    Our waves have one on their application's key: here commands on closed ones are refused. They
    are told apart first, since most webhooks of a rollout are about them.
    """
    name, _, number = rest.rpartition("!")
    forge, _, path = name.partition(":")
    repo = Repo(forge, path)
    try:
        request = await context.forge(repo).merge_request(path, int(number))
    except NotFoundError as error:
        raise _GoneError(str(error)) from error
    if await is_wave(context, repo, request):
        if request.state != "open":
            await refuse_commands(context, repo, request, ())
        return None
    if repo == context.fleet:
        await review_fleet_request(context, request)
    checkouts = Checkouts(context)
    fleet = await fleet_in(checkouts)
    applications = tuple(
        sorted(
            each.application
            for each in fleet.registrations
            if each.app == repo and not (request.state == "open" and is_tenant_setup(each))
        )
    )
    if repo == context.fleet and not applications:
        return None
    if any(each.deploy == repo for each in fleet.registrations):
        await allow_foreign_request(context, repo, request)
    return await reconcile_review(checkouts, repo, request, applications)


async def _retry_later(context: Context, claim: Claim, error: Exception) -> None:
    """Retry later: longer after each failure, or when the forge says; the reason stays visible.

    A merge request that is still not found after all of these ends its key.
    """
    if isinstance(error, _GoneError) and claim.attempts > len(BACKOFF):
        log.warning("merge request is gone: its key ends", key=claim.key, error=str(error))
        await asyncio.to_thread(context.store.queue.done, claim, None)
        return
    seconds = float(BACKOFF[min(claim.attempts, len(BACKOFF)) - 1])
    if isinstance(error, TransientForgeError):
        seconds = max(seconds, error.retry_after)
    log.warning("pass failed", key=claim.key, error=str(error), retry_in=seconds)
    due = context.clock() + timedelta(seconds=seconds)
    await asyncio.to_thread(context.store.queue.retry, claim, str(error), due)


async def _heartbeat(
    context: Context,
    claim: Claim,
    lease: timedelta,
    valid: asyncio.Timeout,
    heard: Callable[[], None],
) -> None:
    """Extend the lease several times before it expires; end the pass when it is lost.

    In a thread of its own: others may all wait for slow servers.
    """
    loop, queue = asyncio.get_running_loop(), context.store.queue
    while True:
        await asyncio.sleep(lease.total_seconds() / HEARTBEATS)
        with suppress(StoreError):
            beat = partial(queue.heartbeat, claim, lease, context.clock())
            if not await loop.run_in_executor(_BEATING, beat):
                valid.reschedule(loop.time())
                return
            heard()
