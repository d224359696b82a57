"""An executor that works at once, in the thread that asks: for worlds that need no threads."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class InlineExecutor(ThreadPoolExecutor):
    """What `asyncio.to_thread` gives away is done before it returns.

    Handing a call to another thread and back costs more than most calls of a story do.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call it, and keep what came of it."""
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - handed to who waits for it
            done.set_exception(error)
        return done
