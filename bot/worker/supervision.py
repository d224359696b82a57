"""Keeps the endless tasks of one process running, and knows whether they do.

Whatever a task fails with is logged as one line and outlived with increasing pauses. A defect that
fails the same task again and again ends the process with its reason: a new one may do better.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog

from bot.forges import ForgeError
from bot.gather.errors import GatherError
from bot.git import GitError
from bot.logs import described
from bot.store import StoreError

RETRIED = (ForgeError, GitError, GatherError, StoreError)
"""What is outlived however often it comes: the forge, a repository or the database is away."""

PAUSES = (0.5, 1.0, 2.0, 5.0)
HOPELESS = 20
SILENT_SECONDS = 180.0

Step: TypeAlias = Callable[[], Awaitable[object]]

log = structlog.get_logger()


@dataclass(slots=True)
class Wakeups:
    """Wakes every task that waits: each has an event of its own, which no other one clears."""

    _events: list[asyncio.Event] = field(default_factory=list)

    def event(self) -> asyncio.Event:
        """The event of one more task."""
        self._events.append(asyncio.Event())
        return self._events[-1]

    def set(self) -> None:
        """Wake all of them; one that works looks once more before it waits."""
        for each in self._events:
            each.set()


class ServiceError(Exception):
    """The service cannot go on; the message says why."""


@dataclass(slots=True)
class Supervisor:
    """The tasks of one process. A task is a step that is taken again and again."""

    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    _heard: dict[str, float] = field(default_factory=dict)
    _stepped: dict[str, float] = field(default_factory=dict)

    async def run(self, tasks: Mapping[str, Step]) -> None:
        """Run tasks until cancelled.

        Raises:
            ServiceError: a task has no hope.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for name, step in tasks.items():
                    group.create_task(self._keep(name, step), name=name)
        except* ServiceError as errors:
            raise errors.exceptions[0] from None

    async def _keep(self, name: str, step: Step) -> None:
        failures = defects = 0
        while True:
            self.heard(name)
            self._stepped[name] = self.clock()
            try:
                await step()
            except RETRIED as error:
                failures, defects = failures + 1, 0
                if not isinstance(error, StoreError):  # which the store has logged
                    log.warning("task failed", task=name, error=str(error))
            except Exception as error:
                failures, defects = failures + 1, defects + 1
                log.exception("task failed", task=name)
                if defects == HOPELESS:
                    place = described(error)
                    raise ServiceError(
                        f"{name} failed {HOPELESS} times in a row, the last time with "
                        f"{place['error']} at {place['place']}"
                    ) from error
            else:
                failures = defects = 0
                continue
            await self.pause(PAUSES[min(failures, len(PAUSES)) - 1])

    def heard(self, name: str) -> None:
        """Note that a task makes progress; one that is silent for long is not ready."""
        self._heard[name] = self.clock()

    def since_step(self, kind: str) -> float:
        """Seconds since a task whose name begins so began a step."""
        found = [at for name, at in self._stepped.items() if name.startswith(kind)]
        return self.clock() - max(found, default=self.clock())

    def silent(self) -> list[str]:
        """The tasks that were not heard of for long."""
        now = self.clock()
        return [name for name, at in self._heard.items() if now - at > SILENT_SECONDS]
