"""The core in a process of its own: it holds up no webhook, and a plan too big ends it alone.

The process is made when it is needed, kept, and made anew after it ended. It ends with the service:
it reads its work from a pipe.
"""

import asyncio
import resource
from dataclasses import dataclass, field

import anyio
from anyio import to_process

from bot.engine.propose import Proposal, propose
from planners.model.snapshot import Snapshot

MIB = 1 << 20


class PlannerError(Exception):
    """There is no plan, though nothing is wrong with any document: it took too much."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans one snapshot at a time, each within `seconds` and all within `mebibytes` of memory."""

    seconds: float
    mebibytes: int
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, snapshot: Snapshot) -> Proposal:
        """See `propose`.

        Raises:
            PlannerError: it took more than it may.
        """
        async with self.turn:
            try:
                with anyio.fail_after(self.seconds):
                    return await to_process.run_sync(
                        _propose, snapshot, self.mebibytes * MIB, cancellable=True
                    )
            except TimeoutError:
                spent = f"{self.seconds:g} seconds (SWITCHYARD_PLANNER_SECONDS)"
            except (MemoryError, anyio.BrokenWorkerProcess):
                spent = f"{self.mebibytes} MiB (SWITCHYARD_PLANNER_MEBIBYTES)"
        raise PlannerError(
            f"planning was ended after it took {spent}: make the application smaller, or give the "
            f"service more"
        )


def _propose(snapshot: Snapshot, memory: int) -> Proposal:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory, hard))
    return propose(snapshot)
