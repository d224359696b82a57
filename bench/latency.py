"""From a cluster's report to the merge that it lets through, while many other rollouts are open.

One rollout is real: forge, Git, clusters that behave like Flux, the service's own workers. Of the
others the store holds what open rollouts leave there: units that passes wait for, their reports,
and keys that are due later. Merges are measured at the call to the forge.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.table import Row
from bot.sandbox.demo.site import APP
from bot.store.keys import application_key
from bot.store.reports import Message
from bot.worker.worker import work_one
from planners.model import Readiness, Unit
from plugins import Word
from tests.fakes.world import World, small_app, small_fleet

OPEN = (10, 1_000)
UPDATES, UNITS = 5, 10
PARTS = tuple(f"part-{number}" for number in range(UNITS))


class _Measured(World):
    """A world in which each report is followed at once by the passes that it wakes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.seconds: list[float] = []
        self._merged: list[float] = []
        merge: Callable[..., Any] = self.memory.merge

        async def timed(*args: Any, **named: Any) -> Any:
            self._merged.append(time.perf_counter())
            return await merge(*args, **named)

        self.forges["local"].merge = timed  # type: ignore[method-assign]

    async def report(self) -> bool:
        """Every cluster says what is new, one report after the other."""
        head = self.pull()
        said = False
        for name, cluster in self.clusters.items() if head else ():
            files = self.agents.files(head or "", f"clusters/{name}")
            for each in cluster.step(self.now, head or "", files):
                await self._follow(cluster.address, each.body, dict(each.headers))
                said = True
        return said

    async def _follow(self, address: str, body: bytes, headers: dict[str, str]) -> None:
        self._merged.clear()
        start = time.perf_counter()
        answer = await self.client.post(f"/reports/{address}", content=body, headers=headers)
        assert answer.status_code == 202, answer.text
        while await work_one(self.context, "bench", timedelta(seconds=15)):
            pass
        if self._merged:
            self.seconds.append(self._merged[0] - start)

    def open_others(self, count: int) -> None:
        """What other rollouts leave in the store."""
        store, at = self.context.store, self.now
        names = [f"other-{number}" for number in range(count)]
        words = [
            Word("one", name, part, "1" * 40, Readiness.PROGRESSING, "", at)
            for name in names
            for part in PARTS
        ]
        store.reports.record_messages([Message(words, at)])
        for name in names:
            store.reports.expect(name, [Unit(part, "one") for part in PARTS])
        store.queue.trigger(map(application_key, names), at + timedelta(days=1))


def run() -> list[Row]:
    """Measure, print and return the rows."""
    print("\nFrom a report to the merge call")
    found = {count: sorted(asyncio.run(_seconds(count))) for count in OPEN}
    for count, seconds in found.items():
        median = seconds[len(seconds) // 2] * 1000
        print(f"{count:>6,} open: {len(seconds)} merges, half of them within {median:.0f} ms")
    most = found[OPEN[-1]]
    name = f"status report to merge call, {OPEN[-1]:,} open rollouts"
    return [
        Row(f"{name}, p50", most[len(most) // 2] * 1000, 100, "ms"),
        Row(f"{name}, p99", most[int(len(most) * 0.99)] * 1000, 1_000, "ms"),
    ]


async def _seconds(count: int) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        world = _Measured(Path(folder))
        try:
            world.found(small_fleet(("one", "two")))
            world.open_others(count)
            for update in range(UPDATES):
                images = dict.fromkeys(("redis", "cart", "web"), f"1.0.{update}")
                world.ada.push(APP, "main", small_app(**images), "Update all")
                await world.settle()
                await world.finish()
        finally:
            await world.stop()
        return world.seconds
