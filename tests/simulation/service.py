"""Replicas of the bot: its own web application, workers and core, in a process of the loop.

Left out of `bot.app.Service`: the watches of API servers, the set-up check, and APScheduler, which
reads the machine's clock; the sweeps come by the loop's time instead. A worker that has nothing to
do does not ask the store again before there is something: an answer "nothing" changes nothing.
"""

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request

from bot.app import Service
from bot.azure import Azure
from bot.charts.store import ChartStore
from bot.context import Context
from bot.engine import discovery
from bot.engine.plans import Plans
from bot.engine.propose import Draft, Proposal, draft
from bot.forges import Markers
from bot.git import Mirrors
from bot.sandbox.demo.site import BOT, FLEET
from bot.settings import Settings
from bot.store import StoreError
from bot.web.intake import Intake
from bot.web.machine_routes import Handler
from bot.web.server import machine_handlers
from bot.worker import dispatch, worker
from bot.worker.shares import Shares
from bot.worker.supervision import Step, Supervisor
from planners.model import Repo
from planners.model.snapshot import Snapshot
from tests.fakes.dialects import SECRET, TOKENS
from tests.fakes.memory_forge import MemoryForge
from tests.simulation.loop import Process
from tests.simulation.site import LISTED_AT, FaultyForge, FaultyGit

if TYPE_CHECKING:
    from tests.simulation.world import World

REPORT_KEY = "report-key-of-the-tests"
MARKERS = Markers(b"marker-key-of-the-tests")
ANSWER_SECONDS, PROBE_SECONDS = 10.0, 5.0
UNAVAILABLE = 503
PLAN_SECONDS = 0.5

READ_AT: ContextVar[datetime | None] = ContextVar("read_at", default=None)
"""When the facts were true that the running pass decides on, in the true time."""


@dataclass(eq=False, slots=True)
class Replica:
    """One replica; it starts anew after each crash."""

    world: "World"
    name: str
    skew: timedelta = timedelta()
    workers: int = 1
    process: Process = field(init=False)
    service: Service = field(init=False)
    handlers: Mapping[tuple[str, int], Handler] = field(init=False)
    plans: Plans = field(init=False)
    starts: int = 0
    known_troubles: int = 0

    def start(self) -> None:
        """Start the process on what its folder and the store hold."""
        world = self.world
        self.starts += 1
        self.process = Process(f"{self.name}.{self.starts}", self._before_call, self._after_call)
        context = self.process.context()
        context.run(self._build)
        task = world.loop.create_task(self._serve(), context=context)
        task.add_done_callback(self._ended, context=world.outside)

    def _build(self) -> None:
        world, folder = self.world, self.world.folder / self.name
        settings = settings_in(folder)
        forge = MemoryForge(world.forge, BOT, TOKENS[BOT], (SECRET.encode(),))
        transport = FaultyGit(world.forge, world.faults, world.note)
        context = Context(
            forges={"local": FaultyForge(forge, world.faults, world.kill, world.note)},
            mirrors=Mirrors(folder / "mirrors", transport=transport),
            store=world.database.store(world.faults),
            clock=self.now,
            listening_since=self.now(),
            propose=self._plan,
            fleet=Repo("local", FLEET),
            markers=MARKERS,
            public_url="http://service.test",
            charts=ChartStore.of(settings, folder / "charts"),
            azure=Azure(settings, self.now),
        )
        self.service = Service(context, settings, owner=self.process.name)
        self.plans = Plans(_draft, context.results)
        intake = Intake(context, (REPORT_KEY,))
        self.handlers = machine_handlers(intake, discovery.agents(), self.service.woken.set)

    def now(self) -> datetime:
        """The replica's clock."""
        return self.world.now() + self.skew

    async def _plan(self, snapshot: Snapshot) -> Proposal:
        listed = min(LISTED_AT.get(), self.world.loop.time())
        READ_AT.set(min(snapshot.now - self.skew, self.world.start + timedelta(seconds=listed)))
        with self.world.laws.planning(self.process, snapshot):
            await asyncio.sleep(PLAN_SECONDS * self.world.faults.next("latency"))
            return await self.plans(snapshot)

    async def _serve(self) -> None:
        context, lease = self.service.context, timedelta(seconds=15)
        shares = Shares.of(self.workers)
        tasks: dict[str, Step] = {
            "sweep": self._sweep,
            "inbox": self._drain,
            "database": self._look_after,
        }
        for number in range(self.workers):
            owner = f"{self.service.owner}.{number}"
            tasks[owner] = worker.Worker(context, owner, lease, self._idle, shares).step
        await Supervisor().run(tasks)

    async def _sweep(self) -> None:
        await self.service.sweep()
        await asyncio.sleep(self.service.settings.resync_seconds)

    async def _look_after(self) -> None:
        """Let the service probe and mend its database; a probe of one that works tells nothing."""
        await asyncio.sleep(PROBE_SECONDS)
        troubles = self.world.database.troubles
        if self.service.context.store.is_out or self.known_troubles < troubles:
            await self.service._probe()
            self.known_troubles = troubles

    async def _drain(self) -> None:
        if not await dispatch.drain(self.service.context):
            await self._until_hooks()

    async def _idle(self) -> None:
        await asyncio.sleep(self.world.faults.next("latency"))
        await self.world.database.wait_for_keys(self.now)

    async def _until_hooks(self) -> None:
        await asyncio.sleep(self.world.faults.next("latency"))
        await self.world.database.wait_for_hooks()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self.world.violate(f"{self.process.name} ended: {task.exception()!r}")

    def _before_call(self, process: Process) -> float:
        fault = self.world.faults.draw("call")
        if fault == "crash before":
            self.world.kill(process, "before a call")
        elif fault == "stop":
            seconds = 5 + 55 * self.world.faults.next("stop length")
            self.world.note("stopped", process=process.name, seconds=round(seconds, 1))
            self.world.loop.stop_process(process, seconds)
        process.crash_after = fault == "crash after"
        return 0.002 + 0.02 * self.world.faults.next("latency")

    def _after_call(self, process: Process) -> float:
        if process.crash_after:
            self.world.kill(process, "after a call")
        return 0.001

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> int | None:
        """The status that the replica answers with; None where no answer comes in time."""
        if self.process.dead:
            return None
        answer: asyncio.Future[int] = self.world.loop.create_future()
        work = self._answer(path, headers, body, answer)
        self.world.loop.create_task(work, context=self.process.context())
        try:
            return await asyncio.wait_for(answer, ANSWER_SECONDS)
        except TimeoutError:
            return None

    async def _answer(
        self, path: str, headers: Mapping[str, str], body: bytes, answer: asyncio.Future[int]
    ) -> None:
        """Answer as the routes of `bot.web.server` do; to build its application takes long."""
        _, kind, *names = path.split("/")
        handler = self.handlers[kind, len(names)]
        try:
            status = (await handler(_request(path, headers, body), *names)).status_code
        except HTTPException as error:
            status = error.status_code
        except StoreError:
            status = UNAVAILABLE
        if not answer.done():
            answer.set_result(status)


def _request(path: str, headers: Mapping[str, str], body: bytes) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": path, "headers": raw, "query_string": b""}
    return Request(scope, receive)


async def _draft(planned: Snapshot) -> Draft:
    return draft(planned)


@cache
def _settings() -> Settings:
    return Settings(
        fleet=f"local:{FLEET}", marker_key="marker-key-of-the-tests", report_key=REPORT_KEY
    )


def settings_in(folder: Path) -> Settings:
    """The settings of a replica whose data is in a folder."""
    return _settings().model_copy(update={"data_dir": folder})
