"""The fleet at the head of its repository's default branch."""

from bot.context import Context
from bot.gather.documents import fleet_at
from bot.gather.repository import Checkouts, fetch, last_known, read_hint
from planners.model import Fleet


async def read_fleet(context: Context) -> Fleet:
    """The fleet as it is now.

    Raises:
        GatherError: its documents are wrong.
    """
    return (await read_fleet_at(context))[0]


async def fleet_in(checkouts: Checkouts) -> Fleet:
    """The fleet as it is now, in a pass that goes on with its repository.

    Raises:
        GatherError: its documents are wrong.
    """
    context = checkouts.context
    checkout = await checkouts.of(context.fleet)
    return await fleet_at(context, checkout, checkout.head)


async def read_fleet_at(context: Context) -> tuple[Fleet, str]:
    """The fleet as it is now, and the commit that says so."""
    checkout = await fetch(context, context.fleet)
    return await fleet_at(context, checkout, checkout.head), checkout.head


async def last_known_fleet(context: Context) -> tuple[Fleet, str]:
    """The fleet as this process last fetched it, unless there is a newer hint; with its commit.

    Raises:
        GatherError: its documents are wrong.
    """
    hint = await read_hint(context, context.fleet)
    checkout = await last_known(context, context.fleet, hint)
    return await fleet_at(context, checkout, checkout.head), checkout.head
