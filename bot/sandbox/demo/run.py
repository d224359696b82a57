"""`switchyard demo`: starts forge, service and clusters, and plays the users with `--auto`."""

import asyncio
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.clock import system_clock
from bot.documents import read_fleet
from bot.forges import GitCredentials
from bot.keys import agent_key
from bot.sandbox.background import in_background
from bot.sandbox.demo.agents import Behaviour, SimulatedCluster
from bot.sandbox.demo.argocd import ArgoCDBehaviour, SimulatedArgoCD
from bot.sandbox.demo.burst import burst
from bot.sandbox.demo.config_sync import ConfigSyncBehaviour, SimulatedConfigSync
from bot.sandbox.demo.fleet import Simulated, SimulatedFleet
from bot.sandbox.demo.play import play
from bot.sandbox.demo.site import APP, BOT, DEPLOY, FLEET, PEOPLE, Site, sample, start_site
from bot.terminal import write

POLL_SECONDS = 0.5
PROMPT = ArgoCDBehaviour(
    apply_time=timedelta(seconds=6), poll=timedelta(seconds=1), jitter=timedelta(seconds=1)
)
"""A webhook of the forge lets Argo CD compare soon after a merge."""
SOON = ConfigSyncBehaviour(
    apply_time=timedelta(seconds=1),
    poll=timedelta(seconds=1),
    group_lag=timedelta(seconds=1),
    report_every=timedelta(seconds=1),
)
"""Config Sync, faster than it is."""

LOG = "service.log"
ACCOUNTS = {"switchyard-shop": frozenset({"shop"})}
"""The sample's tenant has no `deploy`, so an administrator made its account."""

TERMINATED = 128 + signal.SIGTERM


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo; `number` is Ada's merge request."""

    site: Site
    service_url: str
    number: int
    folder: Path
    report_key: str


async def run_demo(data: Path | None, port: int, *, auto: bool, bursts: bool = False) -> int:
    """Run the demo until the rollout is done (`auto`) or it is interrupted; returns the exit code.

    With `bursts` load rises and falls after the rollout.

    SIGTERM stops it and everything it has started.
    """
    stop_requested = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop_requested.set)
    folder = data or Path(tempfile.mkdtemp(prefix="switchyard-demo-"))
    async with _running(folder, port) as demo:
        write(_welcome(demo, auto=auto))
        if not auto:
            await stop_requested.wait()
            return TERMINATED
        return await _play(demo, stop_requested, bursts=bursts)


async def _play(demo: Demo, stop_requested: asyncio.Event, *, bursts: bool) -> int:
    """Play the rollout until it is done or a stop is requested; returns the exit code."""
    playing = asyncio.create_task(_act(demo, bursts=bursts))
    ending = asyncio.create_task(stop_requested.wait())
    try:
        await asyncio.wait({playing, ending}, return_when=asyncio.FIRST_COMPLETED)
        return playing.result() if playing.done() else TERMINATED
    finally:
        for each in (playing, ending):
            each.cancel()
        await asyncio.gather(playing, ending, return_exceptions=True)


async def _act(demo: Demo, *, bursts: bool) -> int:
    """What people do, one story after the other; the first that fails ends it."""
    code = await play(demo.site, demo.service_url, demo.number)
    if code or not bursts:
        return code
    return await burst(demo.site, demo.service_url, demo.report_key)


@asynccontextmanager
async def _running(folder: Path, port: int) -> AsyncIterator[Demo]:
    """Start forge, service and clusters, with a first merge request by Ada."""
    tokens = {login: secrets.token_hex(16) for login in (*PEOPLE, BOT)}
    keys = {name: secrets.token_hex(16) for name in ("marker", "report", "hook")}
    site = start_site(folder / "forge", tokens, system_clock, port=port + 1, demo=True)
    service_url = f"http://127.0.0.1:{port}"
    for repository in (APP, FLEET, DEPLOY):
        site.made.hooks.add(repository, f"{service_url}/hooks/local", keys["hook"])
    number = await asyncio.to_thread(_fill, site)
    service = _start_service(folder, port, site, keys)
    fleet = SimulatedFleet(
        [_cluster(name, agent, keys["report"]) for name, agent in _agents().items()],
        folder / "clusters",
        (f"{site.url}/{DEPLOY}.git", GitCredentials("otto", tokens["otto"])),
        service_url,
        system_clock,
    )
    try:
        async with in_background(fleet.run(POLL_SECONDS)):
            yield Demo(site, service_url, number, folder, keys["report"])
    finally:
        service.terminate()
        service.wait(10)
        site.server.stop()


def _agents() -> dict[str, str]:
    """The agent of each cluster of the sample."""
    clusters = read_fleet(sample("fleet")).fleet.clusters
    return {each.name: each.agent for each in clusters}


def _cluster(name: str, agent: str, report_key: str) -> Simulated:
    key = agent_key(report_key, agent, name)
    if agent == "argocd":
        return SimulatedArgoCD(name, key, PROMPT)
    if agent == "anthos":
        return SimulatedConfigSync(name, key, SOON)
    return SimulatedCluster(name, key, Behaviour(accounts=ACCOUNTS))


def _fill(site: Site) -> int:
    """Push the initial contents of the repositories; returns the number of Ada's merge request."""
    otto, ada = site.person("otto"), site.person("ada")
    otto.push(FLEET, "main", dict(sample("fleet")), "Describe the fleet")
    readme = b"# What the clusters pull\n\nSwitchyard writes here, by merge request.\n"
    otto.push(DEPLOY, "main", {"README.md": readme}, "Begin")
    app = sample("app")
    otto.push(APP, "main", {"README.md": app["README.md"]}, "Begin")
    ada.push(APP, "open-the-shop", dict(app), "Open the shop")
    return ada.open(APP, "open-the-shop", "Open the shop", "Twelve components, three regions.")


def _start_service(
    folder: Path, port: int, site: Site, keys: dict[str, str]
) -> "subprocess.Popen[bytes]":
    """Start the real service in a separate process."""
    settings = {
        "DATA_DIR": str(folder / "service"),
        "FLEET": f"local:{FLEET}",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "MARKER_KEY": keys["marker"],
        "REPORT_KEY": keys["report"],
        "LOCAL_URL": site.url,
        "LOCAL_TOKEN": site.tokens[BOT],
        "LOCAL_WEBHOOK_SECRET": keys["hook"],
        "RESYNC_SECONDS": "30",
    }
    environment = {f"SWITCHYARD_{name}": value for name, value in settings.items()}
    environment["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "bot", "serve"], env=environment, stderr=log, stdout=log
        )


def _welcome(demo: Demo, *, auto: bool) -> str:
    url, service = demo.site.url, demo.service_url
    lines = [
        "",
        "The Switchyard demo runs on this machine:",
        f"  forge         {url}  (sign in as Ada, Rita or Otto with one click)",
        f"  Ada's change  {url}/{APP}/merge_requests/{demo.number}",
        f"  rollout page  {service}/rollouts/storefront",
        f"  data folder   {demo.folder}",
        "",
    ]
    if not auto:
        lines += [
            "As Rita, read the plan on Ada's merge request and approve it; as Ada, merge it.",
            f"Then open {url}/{DEPLOY}/merge_requests. As Rita, approve the canary's four",
            "waves (whoever wrote or merged the change cannot); the others merge automatically.",
            "Press Ctrl-C to stop.",
            "",
        ]
    return "\n".join(lines)
