"""A load program, Prometheus and Alertmanager, as the guide "Watch Prometheus" configures them.

The configurations are those of the guide, which promtool and amtool judge as they are there; then
only addresses, files and times are replaced.
"""

import asyncio
import re
import shutil
import subprocess
import textwrap
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx
import yaml as plain_yaml

from tests.trials.rig import free_port

GUIDE = Path(__file__).parents[2] / "docs/guides/watch-prometheus.md"
METRIC = "storefront_utilisation"
ALERT = "Busy"
STEP, REPEAT, RESEND = "1s", "2s", "10s"
NEEDED = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "alertmanager": ("prometheus-alertmanager", "alertmanager"),
    "amtool": ("amtool",),
}
"""Programs by the names that Debian and the projects give them."""


def find_programs() -> dict[str, str]:
    """The paths of all programs.

    Raises:
        AssertionError: one is missing.
    """
    found = {name: next(filter(None, map(shutil.which, NEEDED[name])), None) for name in NEEDED}
    missing = sorted(name for name, path in found.items() if path is None)
    assert not missing, f"{', '.join(missing)}: not on PATH; install Prometheus and Alertmanager"
    return {name: path for name, path in found.items() if path is not None}


def snippet(name: str) -> str:
    """The block of the guide that begins with a comment of this name."""
    block = rf"^ *```yaml\n *# {re.escape(name)}\n(.*?)^ *```"
    (found,) = re.findall(block, GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    return textwrap.dedent(str(found))


class Load:
    """The load program: `/metrics` tells its utilisation, in the text format of Prometheus.

    It keeps what is posted to it, and the header `authorization` of each.
    """

    def __init__(self) -> None:
        self.value = 0.2
        self.told: list[tuple[str, bytes]] = []
        load = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(f"# TYPE {METRIC} gauge\n{METRIC} {load.value}\n")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                load.told.append((self.headers.get("authorization", ""), body))
                self.answer("")

            def answer(self, text: str) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                """Say nothing: Prometheus asks each second."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(slots=True)
class Program:
    """One of the programs; it can be killed and started again."""

    command: tuple[str, ...]
    log: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def ready(self, seconds: float = 30) -> None:
        """Wait until it says that it is."""
        began = time.monotonic()
        async with httpx.AsyncClient(timeout=3) as client:
            while time.monotonic() - began < seconds:
                assert self.process is not None
                assert self.process.poll() is None, self.log.read_text(errors="replace")[-2000:]
                try:
                    if (await client.get(f"{self.url}/-/ready")).status_code == httpx.codes.OK:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)
        raise AssertionError(f"{self.command[0]} is not ready: {self.log}")

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@dataclass(slots=True)
class Monitoring:
    """The three programs, with their files in a folder; notifications go to a URL."""

    folder: Path
    notify: str
    token: str
    load: Load = field(default_factory=Load)
    prometheus: Program = field(init=False)
    alertmanager: Program = field(init=False)

    def __post_init__(self) -> None:
        """Write the files, let promtool and amtool judge them, and lay out the programs."""
        programs, ports = find_programs(), (free_port(), free_port())
        self.folder.mkdir(parents=True)
        (self.folder / "token").write_text(self.token)
        (self.folder / "guide-rules.yaml").write_text(snippet("rules.yaml"))
        (self.folder / "guide-alertmanager.yaml").write_text(snippet("alertmanager.yaml"))
        self._write("rules.yaml", _rules(snippet("rules.yaml")))
        self._write("alertmanager.yaml", self._routes(snippet("alertmanager.yaml")))
        self._write("prometheus.yaml", self._scraping(ports[1]))
        for name in ("guide-", ""):
            check(programs["promtool"], "check", "rules", f"{self.folder}/{name}rules.yaml")
            check(programs["amtool"], "check-config", f"{self.folder}/{name}alertmanager.yaml")
        check(programs["promtool"], "check", "config", f"{self.folder}/prometheus.yaml")
        self.prometheus = self._program(
            ports[0],
            programs["prometheus"],
            f"--config.file={self.folder}/prometheus.yaml",
            f"--storage.tsdb.path={self.folder}/prometheus",
            f"--rules.alert.resend-delay={RESEND}",
        )
        self.alertmanager = self._program(
            ports[1],
            programs["alertmanager"],
            f"--config.file={self.folder}/alertmanager.yaml",
            f"--storage.path={self.folder}/alertmanager",
            "--cluster.listen-address=",
        )

    def __enter__(self) -> Self:
        self.prometheus.start()
        self.alertmanager.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.alertmanager.kill()
        self.prometheus.kill()
        self.load.stop()

    async def ready(self) -> None:
        """Wait until both programs say that they are."""
        await self.prometheus.ready()
        await self.alertmanager.ready()

    def _program(self, port: int, *command: str) -> Program:
        listen = f"--web.listen-address=127.0.0.1:{port}"
        return Program((*command, listen), self.folder / f"{Path(command[0]).name}.log", port)

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        (self.folder / name).write_text(plain_yaml.safe_dump(document))

    def _routes(self, text: str) -> dict[str, Any]:
        """The Alertmanager of the guide, which notifies here, and repeats every few seconds."""
        made: dict[str, Any] = plain_yaml.safe_load(text)
        (route,) = made["route"]["routes"]
        route |= {"group_wait": "0s", "group_interval": STEP, "repeat_interval": REPEAT}
        (receiver,) = (each for each in made["receivers"] if each["name"] == route["receiver"])
        (webhook,) = receiver["webhook_configs"]
        assert webhook["url"].endswith("/alerts")
        webhook["url"] = self.notify
        webhook["http_config"]["authorization"]["credentials_file"] = f"{self.folder}/token"
        return made

    def _scraping(self, alertmanager: int) -> dict[str, Any]:
        return {
            "global": {"scrape_interval": STEP, "evaluation_interval": STEP},
            "rule_files": ["rules.yaml"],
            "alerting": {
                "alertmanagers": [{"static_configs": [_targets(f"127.0.0.1:{alertmanager}")]}]
            },
            "scrape_configs": [
                {"job_name": "storefront", "static_configs": [_targets(self.load.address)]}
            ],
        }

    async def counted(self, metric: str, label: str) -> float:
        """A counter of the Alertmanager, summed over what has a label; 0 without an answer."""
        async with httpx.AsyncClient(timeout=3) as client:
            try:
                text = (await client.get(f"{self.alertmanager.url}/metrics")).text
            except httpx.TransportError:
                return 0
        lines = re.findall(rf"^{metric}{{[^}}]*{label}[^}}]*}} (\S+)$", text, re.MULTILINE)
        return sum(map(float, lines))

    async def firing(self) -> int:
        """How many alerts Prometheus has that are pending or fire."""
        async with httpx.AsyncClient(timeout=3) as client:
            answer = await client.get(f"{self.prometheus.url}/api/v1/alerts")
        return len(answer.json()["data"]["alerts"])

    def tell_end(self) -> None:
        """The command of the guide that lets the Alertmanager tell the end of an alert."""
        (command,) = re.findall(r"^ *(amtool alert add .*)$", GUIDE.read_text(), re.MULTILINE)
        address = "http://alertmanager.example.com:9093"
        assert address in command
        check("sh", "-c", command.replace(address, self.alertmanager.url))


def check(*command: str) -> None:
    """Run a command; what it says is the error if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _targets(address: str) -> dict[str, list[str]]:
    return {"targets": [address]}


def _rules(text: str) -> dict[str, Any]:
    """The rules of the guide, at a faster pace."""
    made: dict[str, Any] = plain_yaml.safe_load(text)
    (group,) = made["groups"]
    (rule,) = group["rules"]
    assert rule["alert"] == ALERT
    rule["for"] = STEP
    return made
