"""The fleet at the head of its repository's default branch."""

from bot.context import Shell
from bot.gather.documents import fleet_at
from bot.gather.repository import fetch
from planners.model import Fleet


async def read_fleet(shell: Shell) -> Fleet:
    """The fleet as it is now.

    Raises:
        GatherError: its documents are wrong.
    """
    return (await read_fleet_at(shell))[0]


async def read_fleet_at(shell: Shell) -> tuple[Fleet, str]:
    """The fleet as it is now, and the commit that says so."""
    checkout = await fetch(shell, shell.fleet)
    return await fleet_at(shell, checkout, checkout.head), checkout.head
