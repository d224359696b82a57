"""Threads left out: what `asyncio.to_thread` gives away is done at once, in the thread that asks.

For worlds that need no threads. Handing a call to another thread and back costs more than most
calls of a story do.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


def work_inline(loop: asyncio.AbstractEventLoop) -> None:
    """Let an event loop work so; a result comes with its next turn, as from another thread.

    What is for an executor of its own still goes there.
    """
    elsewhere = loop.run_in_executor

    def run(executor: Executor | None, call: Callable[..., T], *args: object) -> asyncio.Future[T]:
        if executor is not None:
            return elsewhere(executor, call, *args)
        found: asyncio.Future[T] = loop.create_future()
        try:
            loop.call_soon(_settle, found.set_result, found, call(*args))
        except BaseException as error:  # noqa: BLE001 - handed to who waits for it
            loop.call_soon(_settle, found.set_exception, found, error)
        return found

    loop.run_in_executor = run  # type: ignore[assignment,method-assign] # for this loop alone


def _settle(how: Callable[[T], object], waiting: asyncio.Future[T], outcome: T) -> None:
    if not waiting.done():
        how(outcome)
