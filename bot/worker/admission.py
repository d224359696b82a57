"""Lets waves that request more through one at a time, beside what others have claimed by then.

A plan counts the claims as they were when it was made. What an application of another key proposes
or merges meanwhile, maybe in another deploy repo, is read again here, under a lease that nobody
else has while statuses turn green and the merge is made. A green status that is not merged yet is
itself a claim, visible on the forge: whoever takes precedence waits until it is withdrawn.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from bot.context import Context
from bot.effects.wake import wake
from bot.engine.propose import Proposal
from bot.forges import ORDER, Status, StatusState, TransientForgeError
from bot.gather.ledger import read_ledger
from bot.gather.repository import fetch
from bot.gather.snapshot import Gathered
from bot.store.keys import application_key
from planners.gating.effects import Merge, SetOrderStatus
from planners.gating.room import Claimant, RoomCheck, give_way
from planners.model import Fleet
from planners.model.gates import AwaitsRoom

ROOM = "room"
LEASE = timedelta(minutes=2)
LONGEST = timedelta(seconds=100)
AGAIN = timedelta(seconds=2)


@asynccontextmanager
async def admission(
    context: Context, gathered: Gathered, proposal: Proposal
) -> AsyncIterator[Proposal]:
    """The proposal to apply, in which waves wait that have no room any more.

    Raises:
        TransientForgeError: applying took too long for the lease.
        ForgeError, GitError, GatherError: the claims cannot be read again.
    """
    planned = gathered.snapshot
    units = frozenset(proposal.plan.units)
    before = RoomCheck(planned, planned, units)
    numbers = {each for each in _asking(gathered, proposal) if before.grows(each)}
    leases, now = context.store.leases, context.clock()
    key = application_key(planned.application.name)
    if not numbers:
        await give_up(context, key)
        yield proposal
        return
    token = await asyncio.to_thread(leases.acquire, ROOM, key, LEASE, now)
    if token is None:
        yield _waiting(context, gathered.fleet, proposal, dict.fromkeys(numbers, ()))
        return
    try:
        async with asyncio.timeout(LONGEST.total_seconds()):
            yield await _checked(context, gathered, proposal, numbers)
    except TimeoutError as error:
        raise TransientForgeError(f"merging took longer than {LONGEST}") from error
    finally:
        await asyncio.to_thread(leases.release, ROOM, token)


async def give_up(context: Context, key: str) -> None:
    """Give back what a pass of the key holds that died."""
    await asyncio.to_thread(context.store.leases.give_up, ROOM, key)


def _asking(gathered: Gathered, proposal: Proposal) -> set[int]:
    """The merge requests that would be merged now, or could be from now on."""
    found: set[int] = set()
    for effect in proposal.evaluation.effects:
        match effect:
            case Merge(number=number):
                found.add(number)
            case SetOrderStatus(number=number, head=head, gates=()):
                if not _is_green(gathered.statuses.get(head, ())):
                    found.add(number)
            case _:
                pass
    return found


async def _checked(
    context: Context, gathered: Gathered, proposal: Proposal, numbers: Collection[int]
) -> Proposal:
    planned = gathered.snapshot
    own = await fetch(context, planned.registration.deploy)
    ledger = await read_ledger(
        context,
        gathered.fleet,
        planned.application,
        planned.tenant,
        planned.facts,
        own=own,
        fresh=True,
    )
    current = replace(planned, claims=tuple(ledger.claims))
    check = RoomCheck(planned, current, frozenset(proposal.plan.units))
    rivals = frozenset(each for number in numbers for each in check.rivals(number))
    admitted = await _admitted(context, gathered, rivals)
    closed = {number: check.claimants(number, admitted) for number in numbers}
    await wake(context, {application_key(application) for application, _ in admitted})
    closed = {number: found for number, found in closed.items() if found}
    return _waiting(context, gathered.fleet, proposal, closed) if closed else proposal


async def _admitted(
    context: Context, gathered: Gathered, rivals: Collection[Claimant]
) -> frozenset[Claimant]:
    """Those whose status lets people, a merge queue or another pass merge them."""
    found: set[Claimant] = set()
    for application, number in sorted(rivals):
        registration = gathered.fleet.registration(application)
        if registration is None:
            continue
        forge, path = context.forge(registration.deploy), registration.deploy.path
        request = await forge.merge_request(path, number)
        if _is_green(await forge.statuses(path, request.head)):
            found.add((application, number))
    return frozenset(found)


def _is_green(statuses: Collection[Status]) -> bool:
    order = (each.state for each in statuses if each.context == ORDER)
    return StatusState.SUCCESS in order


def _waiting(
    context: Context, fleet: Fleet, proposal: Proposal, closed: Mapping[int, Collection[Claimant]]
) -> Proposal:
    gates = {
        number: AwaitsRoom(tuple(_written(context, fleet, each) for each in sorted(found)))
        for number, found in closed.items()
    }
    evaluation = give_way(proposal.evaluation, gates, context.clock() + AGAIN)
    return replace(proposal, evaluation=evaluation)


def _written(context: Context, fleet: Fleet, claimant: Claimant) -> str:
    """An application, with its merge request as the forge writes it."""
    application, number = claimant
    registration = fleet.registration(application)
    if not number or registration is None:
        return application
    return f"{application} {context.forge(registration.deploy).number_prefix}{number}"
