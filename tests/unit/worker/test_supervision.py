"""The supervisor: what it outlives, and what it does not."""

import asyncio
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from bot.forges import ForgeError
from bot.store import StoreError
from bot.worker.supervision import HOPELESS, PAUSES, SILENT_SECONDS, ServiceError, Supervisor


class Task:
    """A step that raises what a script says, and stops the supervisor at its end."""

    def __init__(self, *script: Exception | None) -> None:
        self.script: Iterator[Exception | None] = iter(script)
        self.paused: list[float] = []
        self.over = asyncio.Event()

    async def step(self) -> None:
        try:
            error = next(self.script)
        except StopIteration:
            self.over.set()
            await asyncio.Event().wait()
        else:
            if error is not None:
                raise error

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)

    async def run(self) -> None:
        running = asyncio.create_task(Supervisor(self.pause).run({"inbox": self.step}))
        ended = asyncio.create_task(self.over.wait())
        await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if running.done():
            running.result()
        running.cancel()


async def test_a_task_is_retried_with_increasing_pauses() -> None:
    away = [StoreError("away")] * 6
    task = Task(*away, None, StoreError("away"))
    with capture_logs() as logs:
        await task.run()

    assert task.paused == [*PAUSES, PAUSES[-1], PAUSES[-1], PAUSES[0]]
    assert logs == []  # the store has logged its outage


async def test_what_the_forge_says_is_one_line() -> None:
    with capture_logs() as logs:
        await Task(ForgeError("it is away")).run()

    assert logs == [
        {"event": "task failed", "task": "inbox", "error": "it is away", "log_level": "warning"}
    ]


async def test_the_database_may_be_away_for_ever() -> None:
    await Task(*[StoreError("away")] * (3 * HOPELESS)).run()


async def test_a_defect_is_outlived_unless_it_stays() -> None:
    few = [KeyError("x")] * (HOPELESS - 1)
    with capture_logs():
        await Task(*few, None, *few, StoreError("away"), *few).run()

        with pytest.raises(ServiceError, match=f"inbox failed {HOPELESS} times in a row"):
            await Task(*few, KeyError("x")).run()


def test_a_task_without_progress_is_silent() -> None:
    now = 0.0
    supervisor = Supervisor(clock=lambda: now)
    supervisor.heard("worker 0")
    now = SILENT_SECONDS
    supervisor.heard("worker 1")
    assert supervisor.silent() == []
    now += 1
    assert supervisor.silent() == ["worker 0"]


async def test_passes_that_hang_are_seen_by_the_steps_that_do_not_come() -> None:
    """A pass that hangs goes on saying that it lives."""
    now = 0.0
    over, started = asyncio.Event(), asyncio.Event()
    supervisor = Supervisor(clock=lambda: now)

    async def hangs() -> None:
        started.set()
        await over.wait()

    running = asyncio.create_task(supervisor.run({"worker 0": hangs}))
    await started.wait()
    now = 400.0
    supervisor.heard("worker 0")

    assert supervisor.silent() == []
    assert supervisor.since_step("worker") == 400.0
    running.cancel()
