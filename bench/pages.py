"""The pages of 12, 2,000 and 10,000 clusters: weight, and time to make one.

The bot's own passes make the views, from a deploy repo that everything was merged to and from
reports of which some are bad news. Time is that of requests whose answer is not kept, in CPU
seconds of the service.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from bench import bump, fleets
from bench.table import Row
from bot.sandbox.demo.site import APP, DEPLOY
from planners.model.basics import Readiness
from plugins import Word

SIZES = (12, 2_000, 10_000)
REQUESTS = 3
KB, KB_GOAL, MS_GOAL = 1000, 300, 300
PATHS = ("/", "/fleet", "/fleet/c00000", "/rollouts/store", "/rollouts/store/plan")
BAD = {
    3: (Readiness.STALLED, "Health check failed: Deployment/shop/part-3 has 0 of 2 replicas"),
    7: (Readiness.PROGRESSING, "waiting for a PersistentVolumeClaim"),
}


async def fill(world: bump.Measured, size: int) -> None:
    """A rollout on so many clusters: all merged and reported, then new images on their way."""
    world.describe(bump.fleet(size))
    world.otto.push(DEPLOY, "main", {"README.md": b"For clusters.\n"}, "Begin")
    world.ada.push(APP, "main", fleets.application(), "First")
    await world.merge_all()
    head = world.forge.git.head(DEPLOY, "main")
    assert head is not None
    store = world.context.store
    for part, name in enumerate(fleets.COMPONENTS):
        words = [_word(number, part, name, str(head), world) for number in range(size)]
        store.reports.record_all(words, world.now)
    await world.passes()
    new = {p: t.replace(b":1.0.0", b":1.0.1") for p, t in fleets.application().items()}
    world.ada.push(APP, "main", new, "New images")
    await world.passes(3)


def _word(number: int, part: int, name: str, head: str, world: bump.Measured) -> Word:
    """What a cluster says: every 97th has bad news about some components."""
    readiness, message = (
        BAD.get(part, (Readiness.READY, "")) if number % 97 == 0 else (Readiness.READY, "")
    )
    return Word(f"c{number:05}", "store", name, head, readiness, message, world.now)


async def measure(world: bump.Measured, path: str) -> tuple[float, float]:
    """Bytes of a page, and CPU seconds to make it: the best of some, each with another filter."""
    size, seconds = 0, []
    for number in range(REQUESTS):
        start = time.process_time()
        answer = await world.client.get(path, params={"q": " ".join("c" * (number + 1))})
        seconds.append(time.process_time() - start)
        assert answer.is_success, answer.text[:300]
        size = max(size, len(answer.content))
    return size, min(seconds)


async def _measured(folder: Path, clusters: int) -> list[Row]:
    world = bump.Measured(folder, bump.Stages())
    try:
        await fill(world, clusters)
        rows = []
        for path in PATHS:
            size, seconds = await measure(world, path)
            name = f"page {path}, {clusters:,} clusters"
            rows.append(Row(f"{name}, weight", size / KB, KB_GOAL, "kB"))
            rows.append(Row(f"{name}, CPU", seconds * 1000, MS_GOAL, "ms"))
        return rows
    finally:
        await world.stop()


def run() -> list[Row]:
    """Measure, and return the rows."""
    rows = []
    for clusters in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            rows += asyncio.run(_measured(Path(folder), clusters))
    return rows
