"""What applications cost that do not move: in the passes of others, and in a sweep.

Each has a deploy repo of its own with merged files. Passes are those of one application that is
ready everywhere; the CPU of one is compared as others are registered.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from bench.many import app_repo, deploy_repo, files_of, fleet_of
from bench.rollout import Meter
from bench.table import Row
from bot.effects.wake import hint
from bot.gather.fleet import read_fleet
from bot.gather.snapshot import gather_rollout
from bot.sandbox.demo.site import APP, FLEET, ORDER
from bot.settings import Settings
from bot.worker.sweep import sweep
from tests.fakes.world import World, manifest, small_app, small_fleet

SIZES = (10, 100, 1_000)
TIMES = 5
ROLES = {"ada": "write", "rita": "write", "otto": "admin", "switchyard": "write"}


class _Idle(World):
    """A world with many applications, of which the first one moves."""

    def register(self, count: int) -> None:
        """So many applications with their repositories; all but the first one are merged."""
        for number in range(count):
            app, deploy = app_repo(number), deploy_repo(number)
            self.forge.create_repository(app, ROLES)
            self.forge.create_repository(deploy, ROLES, protected=True, required_statuses=(ORDER,))
            self.otto.push(deploy, "main", self._merged(number) if number else {"a": b"b"}, "All")
        self.ada.push(app_repo(0), "main", files_of(0), "Open the shop")
        self.otto.push(FLEET, "main", fleet_of(count), "Describe the fleet")

    @staticmethod
    def _merged(number: int) -> dict[str, bytes | None]:
        folder = f"apps/tenant-{number % 10}/app-{number:04}"
        return {
            f"clusters/{cluster}/{folder}/{name}/deployment-{name}.yaml": manifest(name)
            for cluster in ("one", "two", "three")
            for name in ("redis", "cart", "web")
        }

    async def gathered(self) -> float:
        """CPU seconds of gathering for the first application, when it was gathered before."""
        fleet = await read_fleet(self.context)
        await hint(self.context, {each.deploy for each in fleet.registrations})
        await gather_rollout(self.context, "app-0000")
        found = []
        for _ in range(TIMES):
            start = time.process_time()
            await gather_rollout(self.context, "app-0000")
            found.append(time.process_time() - start)
        return min(found)


def measure(count: int) -> float:
    """CPU milliseconds of gathering for one application among so many."""

    async def run(folder: Path) -> float:
        world = _Idle(folder)
        try:
            world.register(count)
            return await world.gathered() * 1000
        finally:
            await world.stop()

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(Path(folder)))


def swept() -> tuple[int, int]:
    """Requests of one sweep and the passes after it, on a fake GitHub with one application.

    Those that count against its limit, and those that it answers with 304.
    """

    async def run(folder: Path, meter: Meter) -> tuple[int, int]:
        world = World(folder, "github", meter.wrap)
        try:
            world.found(small_fleet())
            world.ada.push(APP, "main", small_app(), "Open the shop")
            await world.settle()
            await world.finish()
            await world.advance(300)
            await sweep(world.context)
            await world.settle()
            meter.asked.clear()
            await sweep(world.context)
            await world.settle()
            return meter.asked["read"], meter.asked["unmodified"]
        finally:
            await world.stop()

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(Path(folder), Meter()))


def run(sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """Measure, print and return the row."""
    print("\nGathering for one application, CPU, as others are registered")
    found = [measure(size) for size in sizes]
    for size, milliseconds in zip(sizes, found, strict=True):
        print(f"{size:>8,} registered: {milliseconds:>8.1f} ms")
    growth = found[-1] / found[0] if len(found) > 1 else None
    requests, unmodified = swept()
    an_hour = 3_600 // Settings.model_fields["resync_seconds"].default
    print(
        f"A sweep asks {requests} times about an idle application and the fleet repo, and "
        f"{unmodified} times without a change; {an_hour} sweeps an hour."
    )
    return [
        Row(
            f"gathering for one of {sizes[-1]:,} applications, CPU",
            found[-1],
            50,
            "ms",
            growth=growth,
        ),
        Row(
            f"requests of sweeps, {SIZES[-1]:,} idle applications",
            requests * an_hour * SIZES[-1],
            5_000,
            "/h",
        ),
    ]
