"""The real service is killed at five points of a rollout, and finishes it all the same."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from bot.clock import system_clock
from bot.forges import GitCredentials
from bot.forges._certificates import ssl_context
from bot.keys import agent_key
from bot.sandbox.demo.agents import Behaviour, SimulatedCluster
from bot.sandbox.demo.fleet import SimulatedFleet
from bot.sandbox.demo.run import ACCOUNTS
from bot.sandbox.demo.site import APP, BOT, DEPLOY, FLEET, Site, start_site
from tests.fakes.ports import reserved_port
from tests.fakes.world import HOOK_SECRET, REPORT_KEY, SMALL, TOKENS, small_app, small_fleet

WAVES = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]
KILLED_AT_WRITES = (1, 6, 12, 16, 21)
LIVES = """
import os, signal, sys
import bot.cli.service
from bot.__main__ import main
for asked in sys.stdin:
    if asked == "kill\\n":
        os.kill(life, signal.SIGKILL)
        os.waitpid(life, 0)
    elif (life := os.fork()) == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        sys.exit(main(["serve"]))
    print(asked, end="", flush=True)
"""
"""Starts the service and kills it, when told to. Each is a process forked after the imports."""


class Service:
    """The service as a process that dies at chosen writes to the forge and is started again.

    Every other time it dies before the forge does what it asked, else after, without an answer.
    """

    def __init__(self, folder: Path, port: int, site: Site) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.deaths = 0
        self.writes = 0
        self._folder, self._port, self._site = folder, port, site
        self._lives = self._prepare()

    def _prepare(self) -> "subprocess.Popen[str]":
        settings = {
            "DATA_DIR": str(self._folder / "bot"),
            "FLEET": f"local:{FLEET}",
            "PORT": str(self._port),
            "PUBLIC_URL": self.url,
            "MARKER_KEY": "marker-key-of-the-tests",
            "REPORT_KEY": REPORT_KEY,
            "LOCAL_URL": self._site.url,
            "LOCAL_TOKEN": TOKENS[BOT],
            "LOCAL_WEBHOOK_SECRET": HOOK_SECRET,
            "RESYNC_SECONDS": "2",
            "LEASE_SECONDS": "1",
        }
        environment = {f"SWITCHYARD_{name}": value for name, value in settings.items()}
        environment["PATH"] = "/usr/local/bin:/usr/bin:/bin"
        with (self._folder / "service.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", LIVES],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                bufsize=1,
            )

    def start(self) -> None:
        self._ask("start")

    def kill(self) -> None:
        self._ask("kill")

    def end(self) -> None:
        """Kill it, and start no other."""
        self.kill()
        self._lives.communicate()

    def _ask(self, what: str) -> None:
        assert self._lives.stdin is not None
        assert self._lives.stdout is not None
        self._lives.stdin.write(f"{what}\n")
        assert self._lives.stdout.readline() == f"{what}\n"

    def die(self) -> None:
        self.deaths += 1
        self.kill()
        self.start()


class Killer:
    """Stands before the forge: counts the bot's writes and kills it at the chosen ones."""

    def __init__(self, forge: Any) -> None:
        self.forge = forge
        self.service: Service | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        service = self.service
        if service is None or scope["type"] != "http" or not is_write(scope):
            await self.forge(scope, receive, send)
            return
        service.writes += 1
        if service.writes not in KILLED_AT_WRITES:
            await self.forge(scope, receive, send)
            return
        answer: list[Any] = []

        async def keep(message: Any) -> None:
            answer.append(message)

        if service.deaths % 2:
            await self.forge(scope, receive, keep)
            service.die()
        else:
            service.die()
            await Response("the caller is dead", 503)(scope, receive, keep)
        for message in answer:
            await send(message)


def is_write(scope: Any) -> bool:
    headers = dict(scope["headers"])
    if scope["path"].endswith("/git-receive-pack"):
        return "fleet/deploy" in scope["path"]
    by_bot = headers.get(b"authorization") == f"Bearer {TOKENS[BOT]}".encode()
    return by_bot and scope["method"] != "GET"


async def rolled_out(service: Service) -> dict[str, Any] | None:
    """The rollout's view once it is done."""
    async with httpx.AsyncClient(verify=ssl_context()) as client:
        try:
            answer = await client.get(f"{service.url}/api/v1/rollouts/storefront")
        except httpx.HTTPError:
            return None
    view: dict[str, Any] = answer.json()
    return view if answer.is_success and view["done"] and view["waves"] else None


def _log(site: Site) -> list[Any]:
    """The commits of the deploy repo's main branch, newest first."""
    git = site.made.forge.git
    tip = git.head(DEPLOY, "main")
    assert tip is not None
    return list(git.log(DEPLOY, tip, 500))


@pytest.fixture
def port() -> Iterator[int]:
    with reserved_port() as reserved:
        yield reserved


async def test_five_deaths_cost_no_second_merge_request_and_no_order(
    tmp_path: Path, port: int
) -> None:
    killers: list[Killer] = []

    def wrap(forge: Any) -> Killer:
        killers.append(Killer(forge))
        return killers[0]

    site = start_site(tmp_path / "forge", TOKENS, system_clock, wrap=wrap)
    service = Service(tmp_path, port, site)
    ada, rita, otto = (site.person(name) for name in ("ada", "rita", "otto"))
    otto.push(FLEET, "main", small_fleet(), "Describe the fleet")
    otto.push(DEPLOY, "main", {"README.md": b"What clusters pull.\n"}, "Begin")
    ada.push(APP, "main", small_app(), "Open the shop")
    for repository in (APP, FLEET, DEPLOY):
        site.made.hooks.add(repository, f"{service.url}/hooks/local", HOOK_SECRET)
    behaviour = Behaviour(timedelta(seconds=0.2), interval=timedelta(seconds=5), accounts=ACCOUNTS)
    clusters = [
        SimulatedCluster(name, agent_key(REPORT_KEY, "flux", name), behaviour) for name in SMALL
    ]
    clone = (f"{site.url}/{DEPLOY}.git", GitCredentials("otto", TOKENS["otto"]))
    fleet = SimulatedFleet(clusters, tmp_path / "agents", clone, service.url, system_clock)
    killers[0].service = service
    service.start()
    polling = asyncio.create_task(fleet.run(0.2))
    try:
        while (view := await rolled_out(service)) is None:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.5)
        requests = rita.requests(DEPLOY, "all")
    finally:
        polling.cancel()
        with suppress(asyncio.CancelledError):
            await polling
        service.end()
        site.server.stop()

    assert service.deaths == len(KILLED_AT_WRITES)
    assert {unit["readiness"] for unit in view["units"]} == {"READY"}
    assert sorted(each["source_branch"].rpartition("/")[2] for each in requests) == WAVES
    assert {each["state"] for each in requests} == {"merged"}
    order = [each["sha"] for each in reversed(_log(site))]
    merged = sorted(requests, key=lambda each: order.index(each["merge_sha"]))
    assert [each["source_branch"].rpartition("/")[2] for each in merged] == WAVES
