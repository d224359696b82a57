"""`switchyard demo`: starts forge, service and clusters, and plays the users with `--auto`."""

import asyncio
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from bot.clock import system_clock
from bot.documents import read_fleet
from bot.forges import GitCredentials
from bot.keys import agent_key
from bot.sandbox.background import in_background
from bot.sandbox.demo import kept
from bot.sandbox.demo.agents import Behaviour, SimulatedCluster
from bot.sandbox.demo.argocd import ArgoCDBehaviour, SimulatedArgoCD
from bot.sandbox.demo.burst import burst
from bot.sandbox.demo.config_sync import ConfigSyncBehaviour, SimulatedConfigSync
from bot.sandbox.demo.fleet import Simulated, SimulatedFleet
from bot.sandbox.demo.kept import LOG, Kept
from bot.sandbox.demo.play import play
from bot.sandbox.demo.playing import changes
from bot.sandbox.demo.site import APP, BOT, DEPLOY, FLEET, MAY, PEOPLE, Site, sample, start_site
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

ACCOUNTS = {"switchyard-shop": frozenset({"shop"})}
"""The sample's tenant has no `deploy`, so an administrator made its account."""

PROGRAM = "switchyard"
TERMINATED = 128 + signal.SIGTERM


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo, and whether it goes on with what an earlier one has kept."""

    site: Site
    kept: Kept
    folder: Path
    goes_on: bool


async def run_demo(folder: Path, port: int, *, auto: bool, bursts: bool = False) -> int:
    """Run the demo until the rollout is done (`auto`) or it is interrupted; returns the exit code.

    With `bursts` load rises and falls after the rollout. It goes on with what the folder holds.
    SIGTERM stops it and everything it has started.

    Raises:
        FolderError: the folder holds something else, or another demo runs in it.
    """
    stop_requested = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop_requested.set)
    with kept.locked(folder):
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
        known = replace(known, number=await asyncio.to_thread(_fill, site))
    kept.save(folder, known)
    service = _start_service(folder, known, site)
    fleet = _fleet(folder, known, site)
    try:
        async with in_background(fleet.run(POLL_SECONDS)), in_background(_follow(fleet, folder)):
            yield Demo(site, known, folder, goes_on=found is not None)
    finally:
        service.terminate()
        service.wait(10)
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


def _start_service(folder: Path, known: Kept, site: Site) -> "subprocess.Popen[bytes]":
    """Start the real service in a separate process."""
    settings = {
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
    environment = {f"SWITCHYARD_{name}": value for name, value in settings.items()}
    environment["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "bot", "serve"], env=environment, stderr=log, stdout=log
        )


def _welcome(demo: Demo, *, auto: bool) -> str:
    url, known = demo.site.url, demo.kept
    begun = "The Switchyard demo goes on where it was ended" if demo.goes_on else "The demo runs"
    lines = [
        "",
        f"{begun}, on this machine:",
        f"  forge         {url}  (sign in as Ada, Rita or Otto with one click)",
        f"  Ada's change  {url}/{APP}/merge_requests/{known.number}",
        f"  rollout page  {known.service_url}/rollouts/storefront",
        f"  fleet page    {known.service_url}/fleet",
        f"  data folder   {demo.folder}",
        "",
    ]
    return "\n".join(lines if auto else [*lines, *_guide(demo)])


def _guide(demo: Demo) -> list[str]:
    """Who the people are, what to do first, how to push, and the ready-made changes."""
    url, tokens = demo.site.url, demo.kept.tokens
    host = url.removeprefix("http://")
    command = f"{_command()} demo"
    is_default = demo.folder.absolute() == kept.DEFAULT.absolute()
    data = "" if is_default else f" --data {shlex.quote(str(demo.folder))}"
    return [
        "People (their tokens are their passwords for Git):",
        *(
            f"  {login.capitalize()}, {PEOPLE[login]}; login {login}, token {tokens[login]}\n"
            f"      {MAY[login]}"
            for login in PEOPLE
        ),
        "",
        "First: as Rita, read the plan on Ada's merge request and approve it; as Ada, merge it.",
        f"Then open {url}/{DEPLOY}/merge_requests. As Rita, approve the canary's four",
        "waves (whoever wrote or merged the change cannot); the others merge automatically.",
        "",
        "Push changes of your own, as Ada:",
        f"  git clone http://ada:{tokens['ada']}@{host}/{APP}.git",
        "  git switch -c my-change; edit; git commit -am 'My change'; git push origin HEAD",
        f"Then open a merge request of the branch, below {url}/{APP}/merge_requests.",
        "",
        "Ready-made changes, each one command in another terminal, which says what to look at:",
        *(
            f"  {command} play {each.name}{data}\n      {each.summary}"
            for each in changes().values()
        ),
        "",
        "Press Ctrl-C to stop; start again to go on, or with --fresh to begin anew.",
        "",
    ]


def _command() -> str:
    """How this program was called, where it is not on the PATH."""
    name = Path(sys.argv[0])
    if name.name != PROGRAM or shutil.which(PROGRAM) == str(name):
        return PROGRAM
    return shlex.quote(str(name))
