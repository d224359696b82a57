"""Threads left out: what `asyncio.to_thread` gives away is done at once, in the thread that asks.

For worlds that need no threads. Handing a call to another thread and back costs more than most
calls of a story do.
"""

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")


class _Done(asyncio.Future[T]):
    """A result that is there; whoever awaits it lets others go on once, as for a thread."""

    def __await__(self) -> Generator[Any, None, T]:
        yield
        return self.result()


def work_inline(loop: asyncio.AbstractEventLoop) -> None:
    """Let an event loop work so; what is for an executor of its own still goes there."""
    elsewhere = loop.run_in_executor

    def run(executor: Executor | None, call: Callable[..., T], *args: object) -> asyncio.Future[T]:
        if executor is not None:
            return elsewhere(executor, call, *args)
        found: asyncio.Future[T] = _Done(loop=loop)
        try:
            found.set_result(call(*args))
        except BaseException as error:  # noqa: BLE001 - handed to who waits for it
            found.set_exception(error)
        return found

    loop.run_in_executor = run  # type: ignore[assignment,method-assign] # for this loop alone
