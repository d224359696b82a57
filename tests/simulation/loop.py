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
    backlog: deque["Handle"] = field(default_factory=deque)

    def context(self) -> Context:
        """A context whose code belongs to this process."""
        made = copy_context()
        made.run(PROCESS.set, self)
        return made


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class Handle:
    """A callback to be run, unless it is cancelled; `asyncio.Handle` without what is for debugging.

    What awaits uses of it: `cancel`, and `when` of a timer.
    """

    __slots__ = ("args", "callback", "context", "is_cancelled", "time")

    def __init__(
        self, callback: Callable[..., Any], args: Any, context: Context | None, time: float
    ) -> None:
        self.callback, self.args, self.time = callback, args, time
        self.context = copy_context() if context is None else context
        self.is_cancelled = False

    def cancel(self) -> None:
        """Never run it."""
        self.is_cancelled = True

    def cancelled(self) -> bool:
        """Whether it never runs."""
        return self.is_cancelled

    def when(self) -> float:
        """The time of a timer."""
        return self.time


class SimulationLoop(asyncio.BaseEventLoop):
    """Runs callbacks in one thread; `asyncio.to_thread` calls within it, after a drawn delay.

    Most of what a world does are steps of this loop, so that it is as short as can be.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self.steps = 0
        self._steps_now = 0
        self._soon: deque[Handle] = deque()
        self._timers: list[tuple[float, int, Handle]] = []
        self._timer_count = 0
        self.closing = False
        self._left: set[asyncio.Task[Any]] = set()

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        """Run what is due; if nothing is, let the time pass until a timer is."""
        soon, timers = self._soon, self._timers
        if not soon:
            self._pass_time()
        self.steps += 1
        self._steps_now += 1
        if self._steps_now > MOST_STEPS_AT_ONCE:
            raise StandstillError(f"{self._steps_now} steps at {self._now:.3f} s")
        while timers and timers[0][0] <= self._now:
            soon.append(heapq.heappop(timers)[2])
        for _ in range(len(soon)):
            handle = soon.popleft()
            if not handle.is_cancelled:
                self._run(handle)

    def _pass_time(self) -> None:
        timers = self._timers
        while timers and timers[0][2].is_cancelled:
            heapq.heappop(timers)
        if not timers:
            raise StandstillError(f"nothing is left to run at {self._now:.3f} s")
        if timers[0][0] > self._now:
            self._now, self._steps_now = timers[0][0], 0

    def _run(self, handle: Handle) -> None:
        """Run it, unless its process is dead; that of a stopped one waits."""
        process = handle.context.get(PROCESS)
        if process is not None:
            if process.dead:
                return
            if process.stopped_until > self._now:
                process.backlog.append(handle)
                return
        try:
            handle.context.run(handle.callback, *handle.args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - as any event loop does
            told = f"exception in {handle.callback!r}"
            self.call_exception_handler({"message": told, "exception": error})

    def call_soon(  # type: ignore[override] # a handle of our own
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        handle = Handle(callback, args, context, self._now)
        self._soon.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment] # there is one thread

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        handle = Handle(callback, args, context, when)
        self._timer_count += 1
        heapq.heappush(self._timers, (when, self._timer_count, handle))
        return handle

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
            if not handle.is_cancelled:
                self._soon.append(handle)

    def create_future(self) -> asyncio.Future[Any]:
        """A future; nobody waits any more once the loop is taken down."""
        if self.closing:
            raise DeadProcessError
        return asyncio.Future(loop=self)

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
        self._soon.clear()
        self._timers.clear()
        self.close()


def _succeed(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
