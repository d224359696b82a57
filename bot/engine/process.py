"""Runs the core in a separate process, with limits of time and memory.

The process is started on first use, reused, and restarted after it has ended. It reads its input
from a pipe, and therefore ends with the service.
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
    """Planning exceeded its limits of time or memory."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans one snapshot at a time, in at most `seconds` and `mebibytes` of memory."""

    seconds: float
    mebibytes: int
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, snapshot: Snapshot) -> Proposal:
        """See `propose`.

        Raises:
            PlannerError: planning exceeded a limit.
        """
        async with self.lock:
            try:
                with anyio.fail_after(self.seconds):
                    return await to_process.run_sync(
                        _propose, snapshot, self.mebibytes * MIB, cancellable=True
                    )
            except TimeoutError:
                limit = f"{self.seconds:g} seconds (SWITCHYARD_PLANNER_SECONDS)"
            except (MemoryError, anyio.BrokenWorkerProcess):
                limit = f"{self.mebibytes} MiB (SWITCHYARD_PLANNER_MEBIBYTES)"
        raise PlannerError(
            f"planning exceeded its limit of {limit}: raise the limit, or split the application"
        )


def _propose(snapshot: Snapshot, memory: int) -> Proposal:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory, hard))
    return propose(snapshot)
