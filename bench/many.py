"""Many applications, a deploy repo each, all rolled out at once.

The forge runs in a process of its own, the service in another one, with its planner processes, as
they do in real life: API calls, Git and webhooks go over loopback. Clusters say nothing, so that
what is measured is everything up to the first merge of each application.
"""

import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench.table import Row
from bot.clock import system_clock
from bot.sandbox.demo.site import BOT, FLEET, ORDER
from bot.sandbox.forge.server import ThreadedServer, create_forge
from bot.store import Store
from tests.fakes.dialects import SECRET as HOOK_SECRET
from tests.fakes.dialects import TOKENS
from tests.fakes.hands import Hand
from tests.fakes.world import REPORT_KEY, manifest, small_app, small_fleet
from tests.trials.rig import free_port

AT_ONCE = 100
TENANTS = 10
PATIENCE = 600.0
"""Seconds after which a measurement that does not come to its end is given up."""


def app_repo(number: int) -> str:
    """The app repo of an application."""
    return f"shop/app-{number:04}"


def deploy_repo(number: int) -> str:
    """Its deploy repo, which no other application has."""
    return f"fleet/deploy-{number:04}"


def fleet_of(count: int) -> dict[str, bytes | None]:
    """Three clusters, and so many registered applications of ten tenants."""
    head = "apiVersion: switchyard.dev/v1alpha1\nkind: "
    files = {
        path: content
        for path, content in small_fleet().items()
        if path.startswith(("clusters/", "policies/"))
    }
    for number in range(TENANTS):
        files[f"tenants/tenant-{number}.yaml"] = (
            f"{head}Tenant\nmetadata: {{name: tenant-{number}}}\n"
            f"spec: {{namespace: tenant-{number}}}\n"
        ).encode()
    for number in range(count):
        files[f"applications/app-{number:04}.yaml"] = (
            f"{head}Registration\nmetadata: {{name: app-{number:04}}}\nspec: {{"
            f"application: app-{number:04}, tenant: tenant-{number % TENANTS}, "
            f"app: 'local:{app_repo(number)}', deploy: 'local:{deploy_repo(number)}'}}\n"
        ).encode()
    return files


def files_of(number: int) -> dict[str, bytes | None]:
    """The application: three components in a row, in two stages."""
    files = small_app()
    document = files["switchyard.yaml"] or b""
    document = document.replace(b"storefront", f"app-{number:04}".encode())
    files["switchyard.yaml"] = document.replace(
        b"tenant: shop", f"tenant: tenant-{number % TENANTS}".encode()
    )
    for name in ("redis", "cart", "web"):
        # Applications of a tenant share its namespace, so that each needs names of its own.
        files[f"deploy/{name}/deployment.yaml"] = manifest(f"{name}-{number:04}")
    return files


@dataclass(slots=True)
class _Counted:
    """An application that counts what it is asked, Git conversations apart."""

    app: ASGIApp
    calls: Counter[str] = field(default_factory=Counter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start" and ".git/" not in scope["path"]:
                read = scope["method"] == "GET"
                unmodified = message["status"] == 304
                self.calls["unmodified" if unmodified else "read" if read else "write"] += 1
            elif message["type"] == "http.response.start" and scope["path"].endswith("/info/refs"):
                self.calls["git"] += 1
            await send(message)

        await self.app(scope, receive, counted)


class _ForgeProcess:
    """The forge, and the people who push; `serve` runs in its own process."""

    def __init__(self, folder: Path, count: int) -> None:
        made = create_forge(folder, clock=system_clock)
        self.forge, self.hooks, self.count = made.forge, made.hooks, count
        self.counted = _Counted(made.app)
        self.server = ThreadedServer(self.counted).start()
        for login, token in TOKENS.items():
            self.forge.create_user(login, token, bot=login == BOT)
        roles = {"ada": "write", "rita": "write", "otto": "admin", BOT: "write"}
        self.forge.create_repository(FLEET, roles)
        otto, ada = Hand("otto", self.forge), Hand("ada", self.forge)
        otto.push(FLEET, "main", fleet_of(count), "Describe the fleet")
        for number in range(count):
            self.forge.create_repository(app_repo(number), roles)
            self.forge.create_repository(
                deploy_repo(number), roles, protected=True, required_statuses=(ORDER,)
            )
            ada.push(app_repo(number), "main", {"README.md": b"Soon.\n"}, "Begin")
            otto.push(deploy_repo(number), "main", {"README.md": b"For clusters.\n"}, "Begin")

    def hook(self, url: str) -> None:
        """Send webhooks there from now on."""
        for number in range(self.count):
            for repository in (app_repo(number), deploy_repo(number)):
                self.hooks.add(repository, url, HOOK_SECRET)
        self.hooks.add(FLEET, url, HOOK_SECRET)

    def push(self, count: int) -> None:
        """Push the first so many applications, one right after the other."""
        ada = Hand("ada", self.forge)
        for number in range(count):
            ada.push(app_repo(number), "main", files_of(number), "Open the shop")

    def merged(self, count: int) -> int:
        """How many of the first so many deploy repos have a merged merge request."""
        return sum(
            any(each.state == "merged" for each in self.forge.requests_of(deploy_repo(number)))
            for number in range(count)
        )

    def calls(self) -> Counter[str]:
        """What the forge was asked since the last time."""
        found = Counter(self.counted.calls)
        self.counted.calls.clear()
        return found


def _serve(folder: Path, count: int, pipe: Connection) -> None:
    forge = _ForgeProcess(folder, count)
    pipe.send(forge.server.url)
    while True:
        name, *arguments = pipe.recv()
        if name == "stop":
            forge.server.stop()
            return
        pipe.send(getattr(forge, name)(*arguments))


@dataclass(frozen=True, slots=True)
class Site:
    """A running forge and a running service; `ask` calls a method of the forge's process."""

    ask: Callable[..., Any]
    service: "subprocess.Popen[bytes]"
    store: Store

    def seconds(self) -> float:
        """The processor seconds that the service and its planner processes took."""
        found = 0.0
        ticks = os.sysconf("SC_CLK_TCK")
        for pid in _family(self.service.pid):
            with suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                found += (int(fields[11]) + int(fields[12])) / ticks
        return found

    def until(self, holds: Callable[[], bool]) -> float:
        """Wait until something holds; the seconds it took."""
        start = time.perf_counter()
        while not holds():
            assert time.perf_counter() - start < PATIENCE, "the measurement does not end"
            assert self.service.poll() is None, "the service has ended"
            time.sleep(0.2)
        return time.perf_counter() - start

    def is_idle(self) -> bool:
        """Whether no key is due or claimed."""
        now = system_clock()
        return not any(
            each.owner or (each.due is not None and each.due <= now)
            for each in self.store.queue.waiting(10)
        )


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


@contextmanager
def _site(count: int, resync: int) -> Iterator[Site]:
    folder = Path(tempfile.mkdtemp())
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(folder / "forge", count, theirs), daemon=True)
    process.start()

    def ask(*message: Any) -> Any:
        ours.send(message)
        return ours.recv()

    service = None
    try:
        url, port = ours.recv(), free_port()
        service = _start(folder, url, port, resync)
        ask("hook", f"http://127.0.0.1:{port}/hooks/local")
        store = Store.open(f"sqlite:///{folder}/service/switchyard.db")
        yield Site(ask, service, store)
    finally:
        if service is not None:
            service.send_signal(signal.SIGTERM)
            service.wait(30)
        ours.send(("stop",))
        process.join(30)
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, forge: str, port: int, resync: int) -> "subprocess.Popen[bytes]":
    settings = {
        "FLEET": f"local:{FLEET}",
        "MARKER_KEY": "marker-key-of-the-measurement",
        "REPORT_KEY": REPORT_KEY,
        "LOCAL_URL": forge,
        "LOCAL_TOKEN": TOKENS[BOT],
        "LOCAL_WEBHOOK_SECRET": HOOK_SECRET,
        "RESYNC_SECONDS": f"{resync}",
        "DATA_DIR": f"{folder}/service",
        "PORT": f"{port}",
    }
    environment = {f"SWITCHYARD_{name}": value for name, value in settings.items()}
    with (folder / "log").open("ab") as log:
        service = subprocess.Popen(
            [sys.executable, "-m", "bot", "serve"],
            env={**environment, "PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    while not (folder / "service/switchyard.db").exists() or not _answers(port):
        assert service.poll() is None, (folder / "log").read_text()
        time.sleep(0.1)
    return service


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured: seconds, processor seconds of the service, and calls to the forge."""

    seconds: float
    processor: float
    calls: Counter[str]

    def show(self, what: str) -> "Found":
        """Print it."""
        calls = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.calls.items()))
        print(
            f"{what:<44} {self.seconds:>6.1f} s {self.processor:>6.1f} s of processor  "
            f"{calls or 'no calls'}",
            flush=True,
        )
        return self


def _measured(site: Site, begin: Callable[[], object], holds: Callable[[], bool]) -> Found:
    site.ask("calls")
    before = site.seconds()
    begin()
    seconds = site.until(holds)
    return Found(seconds, site.seconds() - before, site.ask("calls"))


def _started(site: Site) -> Found:
    return _measured(site, lambda: time.sleep(3), site.is_idle)


def _pushed(site: Site, count: int) -> Found:
    push, merged = (lambda: site.ask("push", count)), (lambda: site.ask("merged", count) == count)
    return _measured(site, push, merged)


def at_once(count: int) -> Found:
    """So many applications, all pushed at once."""
    with _site(count, 3_600) as site:
        _started(site).show(f"{count:,} registered: the first sweep")
        return _pushed(site, count).show(f"{count:,} pushed: all first waves merged")


def run(sizes: tuple[int, ...] = (AT_ONCE,)) -> list[Row]:
    """Measure so many applications, print, and return the row."""
    (count,) = sizes
    print("\nMany applications, each with a deploy repo of its own; forge and service in processes")
    moved = at_once(count)
    return [Row(f"{count} applications at once, all first waves", moved.seconds, 60, "s")]
