"""Drafts plans in processes of its own, with limits of time and memory.

A process plans one snapshot at a time, so that a plan that takes long delays no other one. It is
started when all others are busy, reused, and restarted after it has ended. It reads its input from
a pipe, and therefore ends with the service. It writes no file and leaves no core dump.
"""

import asyncio
import resource
from dataclasses import dataclass, field

import anyio
import structlog
from anyio import to_process

from bot.engine.packed_input import pack_input, unpack_input
from bot.engine.packing import pack, unpack
from bot.engine.propose import Draft, draft
from planners.model.snapshot import Snapshot

MIB = 1 << 20

log = structlog.get_logger()


class PlannerError(Exception):
    """Planning exceeded its limits of time or memory."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans `processes` snapshots at a time, each within `seconds` and `mebibytes` of memory."""

    seconds: float
    mebibytes: int
    processes: int = 1
    limiter: anyio.CapacityLimiter = field(init=False)

    def __post_init__(self) -> None:
        """Make the limiter, which hands out processes in the order of the requests."""
        object.__setattr__(self, "limiter", anyio.CapacityLimiter(self.processes))

    async def __call__(self, planned: Snapshot) -> Draft:
        """See `draft`. A process that ends without an answer, whoever killed it, gets a second try.

        Raises:
            PlannerError: planning exceeded a limit.
        """
        async with self.limiter:
            try:
                return await self._draft(planned)
            except anyio.BrokenWorkerProcess:
                log.warning(
                    "planner process ended: planning again", application=planned.application.name
                )
            try:
                return await self._draft(planned)
            except anyio.BrokenWorkerProcess:
                raise _exceeded(f"{self.mebibytes} MiB (SWITCHYARD_PLANNER_MEBIBYTES)") from None

    async def _draft(self, planned: Snapshot) -> Draft:
        sent = await asyncio.to_thread(pack_input, planned)
        try:
            with anyio.fail_after(self.seconds):
                packed = await to_process.run_sync(
                    _draft,
                    sent,
                    self.mebibytes * MIB,
                    cancellable=True,
                    limiter=anyio.CapacityLimiter(1),
                )
        except TimeoutError:
            raise _exceeded(f"{self.seconds:g} seconds (SWITCHYARD_PLANNER_SECONDS)") from None
        except MemoryError:
            raise _exceeded(f"{self.mebibytes} MiB (SWITCHYARD_PLANNER_MEBIBYTES)") from None
        return await asyncio.to_thread(unpack, planned, packed)


def _exceeded(limit: str) -> PlannerError:
    return PlannerError(
        f"planning exceeded its limit of {limit}: raise the limit, or split the application"
    )


def _draft(sent: bytes, memory: int) -> bytes:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    planned = unpack_input(sent)
    return pack(planned, draft(planned))
