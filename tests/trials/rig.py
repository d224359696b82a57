"""A forge, a fleet of simulated clusters, and replicas of the service as processes."""

import asyncio
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from bench.load import request, send_all
from bot.clock import system_clock
from bot.forges import GitCredentials
from bot.keys import agent_key
from bot.sandbox.background import in_background
from bot.sandbox.demo.agents import Behaviour, SimulatedCluster
from bot.sandbox.demo.fleet import SimulatedFleet
from bot.sandbox.demo.run import ACCOUNTS
from bot.sandbox.demo.site import APP, BOT, DEPLOY, FLEET, Site, start_site
from bot.sandbox.forge.hooks import sign
from tests.fakes.dialects import SECRET as HOOK_SECRET
from tests.fakes.dialects import TOKENS
from tests.fakes.world import REPORT_KEY, SMALL, small_app, small_fleet

WAVES = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]
AHEAD = """
import bot.clock, datetime, sys
real = bot.clock.system_clock
bot.clock.system_clock = lambda: real() + datetime.timedelta(seconds={ahead})
from bot.__main__ import main
sys.exit(main(["serve"]))
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass(slots=True)
class Replica:
    """The service as a process; `ahead` is by how many seconds its clock is.

    `within` is the program that starts it.
    """

    folder: Path
    settings: dict[str, str]
    ahead: int = 0
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    within: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        own = {"DATA_DIR": f"{self.folder}/data", "PORT": f"{self.port}", "PUBLIC_URL": self.url}
        environment = {f"SWITCHYARD_{name}": text for name, text in (self.settings | own).items()}
        environment["PATH"] = os.environ["PATH"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.within, sys.executable, "-c", AHEAD.format(ahead=self.ahead)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it at once, without a word."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def probe(self, path: str) -> int:
        """The status of a probe; 0 without an answer."""
        async with httpx.AsyncClient(timeout=3) as client:
            with suppress(httpx.HTTPError):
                return (await client.get(f"{self.url}{path}")).status_code
        return 0

    async def ready(self) -> bool:
        return await self.probe("/readyz") == 200

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


@dataclass(slots=True)
class Rig:
    """Everything a trial needs; reports go to `front`, which changes when that replica dies.

    `waves` is what must be merged at the end, in order; None: every wave of each version.
    """

    folder: Path
    site: Site
    random: random.Random
    replicas: list[Replica] = field(default_factory=list)
    fleet: SimulatedFleet | None = None
    versions: int = 0
    waves: list[str] | None = None

    def settings(self, **more: str) -> dict[str, str]:
        return {
            "FLEET": f"local:{FLEET}",
            "MARKER_KEY": "marker-key-of-the-tests",
            "REPORT_KEY": REPORT_KEY,
            "LOCAL_URL": self.site.url,
            "LOCAL_TOKEN": TOKENS[BOT],
            "LOCAL_WEBHOOK_SECRET": HOOK_SECRET,
            "RESYNC_SECONDS": "60",
            **more,
        }

    def add(self, ahead: int = 0, within: tuple[str, ...] = (), /, **more: str) -> Replica:
        """Start a replica; the forge sends its webhooks to each."""
        folder = self.folder / f"replica-{len(self.replicas)}"
        made = Replica(folder, self.settings(**more), ahead, within=within)
        for repository in (APP, FLEET, DEPLOY):
            self.site.made.hooks.add(repository, f"{made.url}/hooks/local", HOOK_SECRET)
        self.replicas.append(made)
        made.start()
        return made

    def front(self, replica: Replica) -> None:
        """Let clusters report to this replica, as a load balancer would."""
        assert self.fleet is not None
        self.fleet._service = replica.url

    def push(self) -> str:
        """Ada pushes a new version; its commit."""
        self.versions += 1
        names = dict.fromkeys(("redis", "cart", "web"), f"1.0.{self.versions}")
        ada = self.site.person("ada")
        ada.push(APP, "main", small_app(**names), f"Version {self.versions}")
        head = self.site.made.forge.git.head(APP, "main")
        assert head is not None
        return str(head)

    async def hooks(self, replica: Replica, count: int, numbers: int) -> float:
        """Send true webhooks that say nothing new; the seconds until all are stored."""
        make = partial(_hook, self.versions, numbers)
        context, loop = multiprocessing.get_context("spawn"), asyncio.get_running_loop()
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            sent = await loop.run_in_executor(pool, send_all, replica.port, make, range(count))
        return sent.seconds

    def merged(self) -> int:
        """How many merge requests of the deploy repo are merged."""
        return len(self.site.person("rita").requests(DEPLOY, "merged"))

    async def finished(self, revision: str, seconds: float = 240) -> float:
        """Wait until a revision is rolled out, as any replica says; the seconds it took."""
        began = time.monotonic()
        async with httpx.AsyncClient(timeout=3) as client:
            while time.monotonic() - began < seconds:
                for replica in self.replicas:
                    if await _is_done(client, replica, revision):
                        return time.monotonic() - began
                await asyncio.sleep(0.25)
        raise AssertionError(f"{revision[:8]} was not rolled out in {seconds:g} s")

    async def until(self, holds: Callable[[], Any], what: str, seconds: float = 60) -> float:
        """Wait until something holds; the seconds it took."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            found = holds()
            if await found if asyncio.iscoroutine(found) else found:
                return time.monotonic() - began
            await asyncio.sleep(0.1)
        raise AssertionError(f"not within {seconds:g} s: {what}")

    def check(self) -> None:
        """One merge request for each wave, merged in order, and no traceback."""
        expected = WAVES * self.versions if self.waves is None else self.waves
        requests = self.site.person("rita").requests(DEPLOY, "all")
        branches = [each["source_branch"] for each in requests]
        heads = {each["head"] for each in requests}
        assert len(heads) == len(branches) == len(expected), branches
        assert {each["state"] for each in requests} == {"merged"}
        git = self.site.made.forge.git
        tip = git.head(DEPLOY, "main")
        assert tip is not None
        order = [each["sha"] for each in reversed(list(git.log(DEPLOY, tip, 5000)))]
        requests.sort(key=lambda each: order.index(each["merge_sha"]))
        waves = [each["source_branch"].rpartition("/")[2] for each in requests]
        assert waves == expected, waves
        for each in self.replicas:
            assert "Traceback" not in each.log(), each.folder


def _hook(burst: int, numbers: int, number: int) -> bytes:
    """A webhook about one of so many merge requests."""
    body = json.dumps({"repository": APP, "number": number % numbers + 1}).encode()
    headers = {
        "X-Switchyard-Event": "merge_request",
        "X-Switchyard-Delivery": f"burst-{burst}-{number}",
        "X-Switchyard-Signature-256": f"sha256={sign(HOOK_SECRET, body)}",
    }
    return request("/hooks/local", headers, body)


async def _is_done(client: httpx.AsyncClient, replica: Replica, revision: str) -> bool:
    try:
        answer = await client.get(f"{replica.url}/api/v1/rollouts/storefront")
    except httpx.HTTPError:
        return False
    if not answer.is_success:
        return False
    view = answer.json()
    return bool(view["done"] and view["waves"] and view["revision"] == revision)


@asynccontextmanager
async def rig(folder: Path, seed: int) -> AsyncIterator[Rig]:
    """A site and a fleet, without a replica yet."""
    site = start_site(folder / "forge", TOKENS, system_clock)
    otto = site.person("otto")
    otto.push(FLEET, "main", small_fleet(), "Describe the fleet")
    otto.push(DEPLOY, "main", {"README.md": b"What clusters pull.\n"}, "Begin")
    behaviour = Behaviour(timedelta(seconds=0.2), interval=timedelta(seconds=5), accounts=ACCOUNTS)
    clusters = [
        SimulatedCluster(name, agent_key(REPORT_KEY, "flux", name), behaviour) for name in SMALL
    ]
    clone = (f"{site.url}/{DEPLOY}.git", GitCredentials("otto", TOKENS["otto"]))
    made = Rig(folder, site, random.Random(seed))
    made.fleet = SimulatedFleet(
        clusters, folder / "agents", clone, "http://127.0.0.1:9", system_clock
    )
    try:
        async with in_background(made.fleet.run(0.2)):
            yield made
    finally:
        for replica in made.replicas:
            with suppress(AssertionError, ProcessLookupError):
                replica.signal(signal.SIGCONT)
            replica.kill()
        site.server.stop()
