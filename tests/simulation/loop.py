"""An event loop with virtual time, and processes on it that can be killed and stopped.

Time passes only while nothing can run. What belongs to a process carries it in its context; what
is scheduled for a dead process never runs, as after SIGKILL: no `finally`, no answer, no write.
"""

import asyncio
import heapq
import warnings
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any

MOST_STEPS_AT_ONCE = 20_000

Hook = Callable[["Process"], float]
"""What a call to a thread costs a process, in seconds; it may kill or stop the process."""


class StandstillError(Exception):
    """Nothing is left to run, or time stands still."""


class DeadProcessError(BaseException):
    """Code of a dead process tried to go on, while its frames are taken down."""


@dataclass(eq=False, slots=True)
class Process:
    """A process of the bot. `stopped_until` is when it goes on after SIGSTOP."""

    name: str
    before_call: Hook
    after_call: Hook
    dead: bool = False
    crash_after: bool = False
    stopped_until: float = 0.0
    backlog: deque[asyncio.Handle] = field(default_factory=deque)

    def context(self) -> Context:
        """A context whose code belongs to this process."""
        made = copy_context()
        made.run(PROCESS.set, self)
        return made


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


def _admit(handle: asyncio.Handle, loop: "SimulationLoop") -> bool:
    """Whether a handle may run now; that of a stopped process waits."""
    process = handle._context.get(PROCESS)
    if process is None:
        return True
    if process.dead:
        return False
    if process.stopped_until > loop.time():
        process.backlog.append(handle)
        return False
    return True


class _Handle(asyncio.Handle):
    def _run(self) -> None:
        if _admit(self, self._loop):
            super()._run()


class _TimerHandle(asyncio.TimerHandle):
    def _run(self) -> None:
        if _admit(self, self._loop):
            super()._run()


class SimulationLoop(asyncio.BaseEventLoop):
    """Runs callbacks in one thread; `asyncio.to_thread` calls within it, after a drawn delay."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self.steps = 0
        self._steps = 0
        self._selector = self
        self._clock_resolution = 1e-9
        self.closing = False
        self._left: set[asyncio.Task[Any]] = set()

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """What a selector is asked for: here nothing ever happens but the passing of time."""
        self._steps += 1
        self.steps += 1
        if timeout is None or self._steps > MOST_STEPS_AT_ONCE:
            raise StandstillError(f"{self._steps} steps at {self._now:.3f} s, {timeout=}")
        if timeout > 0:
            self._now += timeout
            self._steps = 0
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """There is nobody to wake: one thread does everything."""

    def _call_soon(
        self, callback: Callable[..., Any], args: Any, context: Context | None
    ) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = _TimerHandle(when, callback, args, self, context)
        return self._schedule(timer)

    def _schedule(self, timer: _TimerHandle) -> asyncio.TimerHandle:
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def run_in_executor(
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Call it a little later, in this thread; the result arrives at another step."""
        del executor
        process = PROCESS.get()
        if self.closing or (process is not None and process.dead):
            raise DeadProcessError
        future = self.create_future()
        delay = process.before_call(process) if process is not None else 0.0
        self.call_later(delay, self._execute, future, func, args, process)
        return future

    def _execute(
        self,
        future: asyncio.Future[Any],
        func: Callable[..., Any],
        args: Any,
        process: Process | None,
    ) -> None:
        if future.cancelled():
            return
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001 - handed to who waits for it
            self._later(process, _fail, future, error)
        else:
            self._later(process, _succeed, future, result)

    def _later(self, process: Process | None, *call: Any) -> None:
        delay = process.after_call(process) if process is not None else 0.0
        self.call_later(delay, *call)

    def kill_process(self, process: Process) -> None:
        """Let a process never run again; its tasks are kept, or Python would end them properly."""
        process.dead = True
        self._left |= asyncio.all_tasks(self)

    def stop_process(self, process: Process, seconds: float) -> None:
        """Let a process stand still, as with SIGSTOP; what it missed it does afterwards."""
        process.stopped_until = self._now + seconds
        self.call_at(process.stopped_until, self._resume, process, context=Context())

    def _resume(self, process: Process) -> None:
        backlog, process.backlog = process.backlog, deque()
        for handle in backlog:
            if not handle.cancelled():
                self._ready.append(handle)

    def create_future(self) -> asyncio.Future[Any]:
        """A future; nobody waits any more once the loop is taken down."""
        if self.closing:
            raise DeadProcessError
        return super().create_future()

    def take_down(self) -> None:
        """Close every coroutine that is left, without letting it do anything."""
        self.closing = True
        asyncio.events._set_running_loop(self)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # of those that never began
                for task in asyncio.all_tasks(self):
                    task._log_destroy_pending = False
                    with suppress(DeadProcessError, RuntimeError):
                        task.get_coro().close()
        finally:
            asyncio.events._set_running_loop(None)
        self._left.clear()
        self._ready.clear()
        self._scheduled.clear()
        self.close()


def _succeed(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
