"""One simulated world: everything of it on one loop, from a seed to its end."""

import asyncio
import gc
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pygit2
import structlog

from bot.report.model import ROLLOUTS
from bot.sandbox.demo.site import APP, BOT, DEPLOY, FLEET, add_people_and_repositories
from bot.sandbox.forge import records
from bot.sandbox.forge.git import Git
from bot.store import StoreError
from tests.fakes.dialects import SECRET, TOKENS
from tests.fakes.hands import Hand
from tests.fakes.memory_forge import NoStorage
from tests.simulation import rival
from tests.simulation.clusters import Agent
from tests.simulation.database import SharedDatabase
from tests.simulation.faults import Faults
from tests.simulation.laws import Laws
from tests.simulation.loop import Process, SimulationLoop, StandstillError
from tests.simulation.people import People
from tests.simulation.profiles import Profile
from tests.simulation.requests import SMALL
from tests.simulation.scenario import Scenario
from tests.simulation.service import Replica
from tests.simulation.site import Happening, ObservedState, SimulatedHooks

SHORT_SECONDS, LONG_SECONDS = 150.0, 600.0
PATIENCE_SECONDS = 1500.0
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class ViolationError(Exception):
    """A law does not hold."""


ACCEPTED = 202
UNTOLD = frozenset({"event", "exc_info", "seconds"})
"""What is not in the trace of a log line: how long an outage took is the machine's time."""
REPORTED = frozenset({"database not available"})
"""What is no defect though it is logged as an error."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a world ended: the law that was broken, if any; what happened; what went wrong."""

    seed: int
    violation: str
    trace: tuple[str, ...]
    faults: tuple[str, ...]
    seconds: float
    merged: int
    steps: int = 0

    @property
    def brief(self) -> "Outcome":
        """The same without its trace."""
        return replace(self, trace=())


class World:
    """A world of a seed; `only` are the faults that may happen, where they are given."""

    def __init__(
        self, seed: int, folder: Path, only: frozenset[str] | None, profile: Profile
    ) -> None:
        self.seed, self.folder, self.start = seed, folder, START
        self.faults = Faults(seed, only, profile)
        self.scenario = Scenario.drawn(self.faults)
        self.faulty = self.faults.choose("length", *[SHORT_SECONDS] * 4, LONG_SECONDS)
        self.trace: list[str] = []
        self.violation = ""
        self.broken = asyncio.Event()
        self.loop = SimulationLoop()
        self.outside = Context()
        self.hooks = SimulatedHooks(lambda: self.now().isoformat(timespec="seconds"), self._carry)
        self.forge = ObservedState(NoStorage(), Git(folder / "forge"), self.hooks, self.now)
        self.forge.observers, self.forge.pushes = [self._on_change], Counter()
        self.people = People(self)
        self.laws = Laws(self)
        self.rival = rival.Rival(self)
        self.agents: dict[str, Agent] = {}
        self.replicas: list[Replica] = []
        self.acknowledged: set[str] = set()
        self.losses = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    def now(self) -> datetime:
        """The true time."""
        return START + timedelta(seconds=self.loop.time())

    def note(self, what: str, **details: Any) -> None:
        """Add a line to the trace."""
        told = " ".join(f"{key}={value}" for key, value in details.items())
        self.trace.append(f"{self.loop.time():9.3f} {what} {told}".rstrip())

    def violate(self, what: str) -> None:
        """Record that a law is broken; the world ends."""
        self.note(f"VIOLATION: {what}")
        self.violation = self.violation or what
        self.broken.set()

    def opened(self, path: str) -> pygit2.Repository:
        """A repository of the forge."""
        return self.forge.git.open(path)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Let something happen that belongs to no process of the bot."""
        task = self.loop.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._done, context=self.outside)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.violate(f"the simulation itself failed: {error!r}")

    def kill(self, process: Process, where: str) -> None:
        """Kill a process of the bot; its replica starts again after a while."""
        if process.dead:
            return
        self.loop.kill_process(process)
        self.note(f"{process.name} is killed", where=where)
        replica = next(each for each in self.replicas if each.process is process)
        self.loop.call_later(
            2 + 20 * self.faults.next("restart"), self._restart, replica, context=self.outside
        )

    def _restart(self, replica: Replica) -> None:
        replica.start()
        self.note(f"{replica.process.name} starts")

    def _on_change(self, happening: Happening) -> None:
        target = happening.number if happening.number is not None else happening.ref
        self.note(
            f"forge: {happening.event} {happening.action}",
            to=f"{happening.repository}:{target}",
            by=happening.by,
        )
        self.laws.on_change(happening)
        if self.scenario.crowded:
            self.rival.on_change(happening)

    def _carry(self, delivery: records.Delivery) -> None:
        fault = self.faults.draw("hook")
        if fault == "drop" or self.faults.choose("webhooks", "arrive") == "lost":
            self.note("hook lost", repository=delivery.repository, event=delivery.event)
            return
        if fault == "forge":
            self.spawn(self._forge(delivery))
        for _ in range(2 if fault == "double" else 1):
            self.spawn(self._deliver(delivery, late=fault == "late"))

    async def _deliver(self, delivery: records.Delivery, *, late: bool) -> None:
        await asyncio.sleep(self.faults.next("carry") * (90 if late else 1))
        headers, losses = self.hooks.headers(delivery), self.losses
        status = await self.post("/hooks/local", headers, delivery.body.encode())
        if status == ACCEPTED and losses == self.losses:
            self.acknowledged.add(delivery.id)

    async def _forge(self, delivery: records.Delivery) -> None:
        """Send a delivery that somebody made up, who does not have the secret."""
        headers = self.hooks.headers(delivery) | {"X-Switchyard-Delivery": f"forged {delivery.id}"}
        body = delivery.body.encode() + b" "
        if await self.post("/hooks/local", headers, body) == ACCEPTED:
            self.violate("a forged webhook was accepted")

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> int | None:
        """Send a request to one of the replicas that are up, as a load balancer does."""
        up = [each for each in self.replicas if not each.process.dead]
        if not up:
            return None
        replica = up[int(self.faults.next("balance") * len(up))]
        return await replica.post(path, headers, body)

    def run(self) -> Outcome:
        """Let the world run to its end."""
        configuration = structlog.get_config()
        structlog.configure(processors=[self._log], cache_logger_on_first_use=False)
        asyncio.set_event_loop(self.loop)
        self.loop.set_exception_handler(self._on_loop_error)
        try:
            self.loop.run_until_complete(self._live())
        except StandstillError as error:
            self.violate(f"the world stands still: {error}")
        finally:
            self.loop.take_down()
            asyncio.set_event_loop(None)
            structlog.configure(**configuration)
        self.store.close()
        self.database.close()
        merged = len(self.forge.requests_of(DEPLOY, "merged"))
        faults = tuple(self.faults.happened)
        told, steps = tuple(self.trace), self.loop.steps
        return Outcome(self.seed, self.violation, told, faults, self.loop.time(), merged, steps)

    def _log(self, logger: object, method: str, event: Any) -> Any:
        """What the bot logs is part of the trace; an unexpected error is a violation."""
        del logger
        if self.loop.closing:
            raise structlog.DropEvent
        told = {key: value for key, value in event.items() if key not in UNTOLD}
        self.note(f"log: {event['event']}", **told)
        if event["event"] in REPORTED:
            raise structlog.DropEvent
        if event.get("exc_info") or method in {"error", "exception", "critical"}:
            self.violate(f"unexpected error: {event['event']}: {sys.exception()!r} {told}")
        raise structlog.DropEvent

    def _on_loop_error(self, _: object, context: Mapping[str, Any]) -> None:
        if not self.loop.closing:
            self.violate(f"unhandled: {context['message']}: {context.get('exception')!r}")

    async def _live(self) -> None:
        self._found()
        acting = [self.spawn(self.people.act()), self.spawn(self.database.trouble())]
        for task in (self.people.develop(), self.people.review()):
            self.spawn(task)
        if self.scenario.crowded:
            acting.append(self.spawn(self.rival.act()))
        for agent in self.agents.values():
            self.spawn(agent.run())
            acting.append(self.spawn(agent.trouble()))
        with suppress(TimeoutError):
            async with asyncio.timeout(self.faulty):
                await self.broken.wait()
        for task in acting:
            task.cancel()
        self._heal()
        patience = self.faults.choose("patience", PATIENCE_SECONDS)
        while not self.violation:
            await asyncio.sleep(3)
            waits = self._unfinished()
            if not waits:
                break
            if self.loop.time() > self.faulty + patience:
                self.violate(f"it does not converge: {waits}")
        if not self.violation:
            self.laws.at_end()
        self.note("end")

    def forget_acknowledged(self) -> None:
        """Expect of nobody that he knows what was acknowledged: the database is lost.

        Nor what was stored by now and is acknowledged later.
        """
        self.losses += 1
        self.acknowledged.clear()
        for agent in self.agents.values():
            for each in (word for words in agent.heard.values() for word in words):
                each.acknowledged = None

    def _found(self) -> None:
        add_people_and_repositories(self.forge, TOKENS)
        self.forge.create_user("eve", "token-of-eve")
        self.forge.repository(DEPLOY).roles |= {"eve": "triage", "ada": "write"}
        self.database = SharedDatabase(self)
        self.store = self.database.store()
        bank = self.rival.found() if self.scenario.crowded else {}
        for repository in self.forge.repositories:
            self.hooks.add(repository, "http://service.test/hooks/local", SECRET)
        otto = Hand("otto", self.forge)
        otto.push(FLEET, "main", self.scenario.fleet() | bank, "Describe the fleet")
        otto.push(DEPLOY, "main", {"README.md": b"What clusters pull.\n"}, "Begin")
        for name in self.scenario.clusters:
            skew = timedelta(seconds=self.faults.choose(f"skew of {name}", 0, 0, -120, 120))
            self.agents[name] = Agent(self, name, skew)
        replicas, workers = self.faults.choose("replicas", (1, 1), (1, 2), (2, 1), (2, 1))
        for number in range(replicas):
            skew = timedelta(seconds=self.faults.choose(f"skew {number}", 0, 0, -2, 2))
            replica = Replica(self, f"bot-{number + 1}", skew, workers)
            self.replicas.append(replica)
            replica.start()

    def _heal(self) -> None:
        """From now on nothing goes wrong, and people help."""
        self.faults.active = False
        self.note("no more faults")
        self.people.help()
        self.database.heal()
        if self.scenario.crowded:
            self.rival.push(SMALL)
        for agent in self.agents.values():
            agent.behave(silent=False, failing=frozenset(), stuck_at=None)

    def _unfinished(self) -> str:
        """Why the world has not converged yet; empty if it has."""
        waits = self._rolling_out("storefront", APP, DEPLOY)
        if waits or not self.scenario.crowded or self.scenario.approved:
            return waits
        return self._rolling_out("bank", rival.APP, rival.SAFE)

    def _rolling_out(self, application: str, app: str, deploy: str) -> str:
        """Why an application is not rolled out yet; empty if it is."""
        try:
            view = self.store.views.load(ROLLOUTS, application)
        except StoreError as error:
            return f"the database cannot be read: {error}"
        if view is None or not view.waves:
            return f"nothing of {application} is planned"
        if view.revision != self.forge.git.head(app, "main"):
            return f"the newest revision of {application} is not planned: {view.problems}"
        waiting = [(w.name, [g.reason for g in w.gates], w.pending) for w in view.waves]
        is_reported = deploy == DEPLOY  # the agents pull from there alone
        if not view.done and (is_reported or any(each.gates for each in view.waves)):
            return f"{application} is not done: {waiting}"
        opened = [
            each.number for each in self.forge.requests_of(deploy, "open") if each.author == BOT
        ]
        return f"merge requests of {application} are open: {opened}" if opened else ""


def simulate(
    seed: int, only: frozenset[str] | None = None, profile: Profile | None = None
) -> Outcome:
    """Run one world, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(dir=_memory()))
    gc.collect()
    gc.freeze()
    gc.disable()  # a world is one heap of cycles: to look through it again and again takes long
    try:
        return World(seed, folder, only, profile or {}).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        gc.enable()


def _memory() -> Path | None:
    """A file system in memory, where there is one."""
    shared = Path("/dev/shm")
    return shared if shared.is_dir() else None
