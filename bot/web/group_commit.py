"""Work that comes at the same time is done together: one transaction, one wait for the disk.

Each request waits until its own item is durable, so what is acknowledged is stored. While one group
is written the next one gathers: under load groups grow, and a single request waits for nobody.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST = 256


@dataclass(slots=True)
class GroupCommit(Generic[Item, Result]):
    """Does `work` for a group at a time, in a thread of `executor`; it returns a result for each.

    If it raises, each item of the group gets the error.
    """

    work: Callable[[Sequence[Item]], Sequence[Result]]
    executor: Executor
    _waiting: list[tuple[Item, asyncio.Future[Result]]] = field(default_factory=list)
    _worker: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """The result for an item, once its group is done."""
        found: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, found))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._run())
        return await found

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            items = [item for item, _ in group]
            try:
                results = await loop.run_in_executor(self.executor, self.work, items)
            except Exception as error:  # noqa: BLE001 - each request gets it, and is sent again
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), result in zip(group, results, strict=True):
                    if not future.done():
                        future.set_result(result)
