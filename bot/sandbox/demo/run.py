"""`switchyard demo`: starts forge, service and clusters, and plays the users with `--auto`."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from bot.clock import system_clock
from bot.documents import read_fleet
from bot.forges import GitCredentials
from bot.keys import agent_key
from bot.sandbox.background import in_background
from bot.sandbox.demo import kept, service
from bot.sandbox.demo.agents import Behaviour, SimulatedCluster
from bot.sandbox.demo.argocd import ArgoCDBehaviour, SimulatedArgoCD
from bot.sandbox.demo.burst import burst
from bot.sandbox.demo.config_sync import ConfigSyncBehaviour, SimulatedConfigSync
from bot.sandbox.demo.fleet import Simulated, SimulatedFleet
from bot.sandbox.demo.kept import LOG, Kept
from bot.sandbox.demo.play import play
from bot.sandbox.demo.site import APP, BOT, DEPLOY, FLEET, PEOPLE, Site, sample, start_site
from bot.sandbox.demo.welcome import Welcome
from bot.terminal import progress, write

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

ACCOUNTS = {"switchyard-shop": frozenset({"shop"})}
"""The sample's tenant has no `deploy`, so an administrator made its account."""

TERMINATED = 128 + signal.SIGTERM


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo; `goes_on`: with what an earlier one has kept."""

    site: Site
    kept: Kept
    folder: Path
    goes_on: bool
    service: Process


async def run_demo(folder: Path, port: int, *, auto: bool, bursts: bool = False) -> int:
    """Run the demo until the rollout is done (`auto`) or it is interrupted; returns the exit code.

    With `bursts` load rises and falls after the rollout. It goes on with what the folder holds.
    SIGTERM stops it and everything it has started.

    Raises:
        FolderError: the folder holds something else, or another demo runs in it.
        ServiceError: the service does not start, or ends by itself.
    """
    stop_requested = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop_requested.set)
    with kept.locked(folder):
        async with _running(folder, port) as demo:
            welcome = Welcome(demo.kept, demo.folder, demo.goes_on)
            write(welcome.addresses() if auto else f"{welcome.addresses()}\n{welcome.guide()}")
            people = _act(demo, bursts=bursts) if auto else _nothing()
            return await _until_end(demo, people, stop_requested)


async def _nothing() -> int:
    """What people do who are not played: whatever they like."""
    never: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    return await never


async def _until_end(
    demo: Demo, people: Coroutine[None, None, int], stop_requested: asyncio.Event
) -> int:
    """Wait until the played people are done or a stop is requested; returns the exit code.

    Raises:
        ServiceError: the service has ended by itself.
    """
    acting = asyncio.create_task(people)
    stopping = asyncio.create_task(stop_requested.wait())
    ending = asyncio.create_task(demo.service.wait())
    try:
        await asyncio.wait({acting, stopping, ending}, return_when=asyncio.FIRST_COMPLETED)
        if acting.done():
            return acting.result()
        if stopping.done():
            return TERMINATED
        raise service.ended(demo.service, demo.folder / LOG)
    finally:
        for each in (acting, stopping, ending):
            each.cancel()
        await asyncio.gather(acting, stopping, ending, return_exceptions=True)


async def _act(demo: Demo, *, bursts: bool) -> int:
    """What people do, one story after the other; the first that fails ends it."""
    code = await play(demo.site, demo.kept.service_url, demo.kept.number)
    if code or not bursts:
        return code
    return await burst(demo.site, demo.kept.service_url, demo.kept.keys["report"])


@asynccontextmanager
async def _running(folder: Path, port: int) -> AsyncIterator[Demo]:
    """Start forge, service and clusters; at first with a merge request by Ada."""
    found = kept.load(folder)
    known = replace(found, port=port) if found else _begin(folder, port)
    site = start_site(folder / "forge", known.tokens, system_clock, port=port + 1, demo=True)
    for repository in (APP, FLEET, DEPLOY):
        for hook in site.made.hooks.of(repository):
            site.made.hooks.remove(repository, hook.url)
        site.made.hooks.add(repository, f"{known.service_url}/hooks/local", known.keys["hook"])
    if not known.number:
        with progress("Filling the repositories"):
            known = replace(known, number=await asyncio.to_thread(_fill, site))
    kept.save(folder, known)
    fleet = _fleet(folder, known, site)
    settings = _settings(folder, known, site)
    try:
        async with (
            service.running(known.service_url, settings, folder / LOG) as process,
            in_background(fleet.run(POLL_SECONDS)),
            in_background(_follow(fleet, folder)),
        ):
            yield Demo(site, known, folder, found is not None, process)
    finally:
        site.server.stop()


def _begin(folder: Path, port: int) -> Kept:
    """A new demo in a folder, without what an interrupted start has left there."""
    kept.forget(folder)
    known = kept.new(port, (*PEOPLE, BOT))
    kept.save(folder, known)
    return known


def _fleet(folder: Path, known: Kept, site: Site) -> SimulatedFleet:
    return SimulatedFleet(
        [_cluster(name, agent, known.keys["report"]) for name, agent in _agents().items()],
        folder / "clusters",
        (f"{site.url}/{DEPLOY}.git", GitCredentials("otto", known.tokens["otto"])),
        known.service_url,
        system_clock,
    )


async def _follow(fleet: SimulatedFleet, folder: Path) -> None:
    """Let components fail as `demo play` wrote it down last, until cancelled."""
    while True:
        failing = kept.failing(folder)
        for name, cluster in fleet.clusters.items():
            set_failing(cluster, failing.get(name, frozenset()))
        await asyncio.sleep(POLL_SECONDS)


def set_failing(cluster: Simulated, components: frozenset[str]) -> None:
    """Let the health checks of these components fail, and of no others."""
    match cluster:
        case SimulatedCluster():
            cluster.behaviour = replace(cluster.behaviour, failing=components)
        case SimulatedArgoCD():
            cluster.behaviour = replace(cluster.behaviour, failing=components)
        case SimulatedConfigSync():
            cluster.behaviour = replace(cluster.behaviour, failing=components)


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


def _settings(folder: Path, known: Kept, site: Site) -> dict[str, str]:
    """The settings of the service."""
    return {
        "DATA_DIR": str(folder / "service"),
        "FLEET": f"local:{FLEET}",
        "PORT": str(known.port),
        "PUBLIC_URL": known.service_url,
        "MARKER_KEY": known.keys["marker"],
        "REPORT_KEY": known.keys["report"],
        "LOCAL_URL": site.url,
        "LOCAL_TOKEN": known.tokens[BOT],
        "LOCAL_WEBHOOK_SECRET": known.keys["hook"],
        "RESYNC_SECONDS": "30",
    }
