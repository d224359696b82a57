"""Two replicas on one PostgreSQL: one dies or is stopped in a pass, the other one takes over."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot import app
from bot.app import Service
from bot.engine.propose import Proposal
from bot.sandbox.demo.site import APP
from bot.settings import Settings
from bot.store import Store
from bot.store.keys import application_key
from bot.store.notifier import PostgresNotifier
from planners.model.snapshot import Snapshot
from tests.fakes.store_faults import cut_off
from tests.fakes.stores import fresh_url
from tests.fakes.world import World, small_app, small_fleet

KEY = application_key("storefront")
AHEAD = timedelta(seconds=600)


@pytest.fixture
def url() -> Iterator[str]:
    with fresh_url("postgresql", Path()) as made:
        yield made


class Replica:
    """The tasks of a service on the world's forge; its planner never returns."""

    def __init__(
        self,
        world: World,
        url: str,
        name: str,
        ahead: timedelta = timedelta(),
        lease_seconds: int = 1,
    ) -> None:
        self.planning = asyncio.Event()
        self.store = Store.open(url)
        clock = self.store.shared_clock(lambda: datetime.now(UTC) + ahead)
        settings = Settings(
            data_dir=world.folder / name, fleet="local:fleet/fleet", marker_key="m" * 16,
            report_key="r" * 16, lease_seconds=lease_seconds, workers=1,
        )  # type: ignore[call-arg]  # fmt: skip
        context = replace(world.context, store=self.store, clock=clock, propose=self._plan)
        self.service = Service(context, settings, owner=name)

    async def _plan(self, _: Snapshot) -> Proposal:
        self.planning.set()
        return await asyncio.get_running_loop().create_future()

    def start(self) -> None:
        self.service.start()

    async def die(self) -> None:
        """Stop without another word to the database: a claim stays claimed."""
        with cut_off(self.store):
            await self.stop()

    async def stop(self) -> None:
        self.service.stop()
        await self.service.stopped()

    async def aclose(self) -> None:
        await self.stop()
        await self.service.close()


async def claimed_by(store: Store) -> str:
    found = await asyncio.to_thread(store.queue.waiting, 9)
    return next((each.owner or "" for each in found if each.key == KEY), "")


async def is_done(store: Store, key: str) -> bool:
    """Whether a worker reconciled the key."""
    found = await asyncio.to_thread(store.queue.waiting, 9)
    return all(each.key != key for each in found)


async def listening(replica: Replica) -> None:
    """Wait until a replica hears of notifications."""
    notifier = replica.store.queue._notifier
    assert isinstance(notifier, PostgresNotifier)
    while notifier._connection is None:  # noqa: ASYNC110 - a thread connects
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("ahead", [timedelta(), AHEAD], ids=["", "clock-ahead"])
async def test_the_key_of_a_dead_replica_is_taken_over(
    world: World, url: str, ahead: timedelta
) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    dies, heir = Replica(world, url, "dies", ahead), Replica(world, url, "heir")
    with capture_logs():
        async with aclosing(dies), aclosing(heir):
            dies.start()
            await dies.planning.wait()
            assert (await claimed_by(heir.store)).startswith("dies")
            heir.start()
            await dies.die()

            await heir.planning.wait()

            assert (await claimed_by(heir.store)).startswith("heir")


async def test_the_key_of_a_stopped_replica_is_taken_over_at_once(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease would last for an hour, and the other one would look by itself in an hour."""
    monkeypatch.setattr(app, "IDLE_SECONDS", 3600)
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    stops = Replica(world, url, "stops", lease_seconds=3600)
    heir = Replica(world, url, "heir", lease_seconds=3600)
    with capture_logs():
        async with aclosing(stops), aclosing(heir):
            stops.start()
            await stops.planning.wait()
            heir.start()
            await listening(heir)
            assert (await claimed_by(heir.store)).startswith("stops")
            await stops.stop()

            await heir.planning.wait()

            assert (await claimed_by(heir.store)).startswith("heir")


async def test_a_key_that_one_replica_makes_due_wakes_the_other(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a notification: by itself, the other one would look in an hour.

    The keys are due an hour ago: the replicas know the time of the database as well as it answers,
    and a worker that is woken before a key is due looks again when it is idle no longer.
    """
    monkeypatch.setattr(app, "IDLE_SECONDS", 3600)
    here, there = Replica(world, url, "here"), Replica(world, url, "there")
    with capture_logs():
        async with aclosing(here), aclosing(there):
            there.start()
            await listening(there)
            for key in ("application/a", "application/b"):
                due = here.service.context.clock() - timedelta(hours=1)
                await asyncio.to_thread(here.store.queue.trigger, [key], due)
                while not await is_done(here.store, key):  # noqa: ASYNC110 - another process may
                    await asyncio.sleep(0.01)
