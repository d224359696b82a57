"""The guides "Set up on GitHub" and "Set up on GitLab", done as they are written, on the fakes.

Their commands run in a shell; only names of hosts, and what a person would fill in, are replaced.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bot.keys import agent_key
from bot.sandbox.demo.agents import SimulatedCluster
from bot.sandbox.demo.site import APP, BOT
from tests.fakes.dialects import SECRET
from tests.fakes.ports import reserved_port
from tests.fakes.world import TOKENS, World, small_app, small_fleet
from tests.stories.test_setup import made_at_github

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
PUBLIC = "https://switchyard.example.com"
WAVES = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]


class Reader:
    """Somebody who follows a guide in a folder of their own."""

    def __init__(self, folder: Path, guide: str, world: World, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.folder = folder
        text = (GUIDES / guide).read_text().replace(PUBLIC, self.url)
        text = text.replace("example/fleet", "fleet/fleet")
        self.blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", text)
        self.world = world
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "SWITCHYARD_PORT": str(port),
            "SWITCHYARD_WORKERS": "1",
        }
        self.service: subprocess.Popen[bytes] | None = None

    def start(self, block: str) -> None:
        """Run the block that ends with the service, and let it run."""
        assert block.strip().endswith("switchyard serve --secrets-dir secrets")
        with (self.folder / "service.log").open("wb") as log:
            self.service = subprocess.Popen(
                ["bash", "-euc", block],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, block: str, exports: str) -> str:
        """Run another block in the same shell's variables; what it printed."""
        variables = "\n".join(re.findall(r"(?m)^export .*$", exports))
        done = subprocess.run(
            ["bash", "-euc", f"{variables}\n{block}"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def stop(self) -> None:
        if self.service is not None:
            os.killpg(self.service.pid, signal.SIGKILL)
            self.service.wait()

    async def ready(self) -> httpx.AsyncClient:
        client = httpx.AsyncClient(base_url=self.url, trust_env=False)
        self.world.closing.push_async_callback(client.aclose)
        while True:
            try:
                assert (await client.get("/healthz")).status_code == 200
            except httpx.TransportError:
                self.require_running()
                await asyncio.sleep(0.1)
            else:
                return client

    def require_running(self) -> None:
        assert self.service is not None
        assert self.service.poll() is None, (self.folder / "service.log").read_text()[-4000:]

    async def roll_out(self, client: httpx.AsyncClient) -> None:
        """Clusters report and webhooks travel to the service until everything is merged."""
        world, key = self.world, (self.folder / "secrets/switchyard_report_key").read_text().strip()
        await world.client.aclose()
        world.client = client
        world.post.service = self.url
        world.found(small_fleet())
        for name, cluster in world.clusters.items():
            world.clusters[name] = SimulatedCluster(
                name, agent_key(key, "flux", name), cluster.behaviour
            )
        world.ada.push(APP, "main", small_app(), "Open the shop")
        while True:
            world.now = datetime.now(UTC)
            await world.flush_hooks()
            await world.report()
            if world.merged() == WAVES:
                return
            self.require_running()
            await asyncio.sleep(0.2)


@pytest.fixture
async def reader(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Reader]:
    world = World(tmp_path / "world", request.param, git_over_http=True)
    world.now = datetime.now(UTC)
    (tmp_path / "here").mkdir()
    with reserved_port() as port:
        made = Reader(tmp_path / "here", f"set-up-on-{request.param}.md", world, port)
        yield made
        made.stop()
    await world.stop()


@pytest.mark.parametrize("reader", ["github"], indirect=True)
async def test_set_up_on_github(reader: Reader) -> None:
    start, link, *_ = reader.blocks
    reader.environment["SWITCHYARD_GITHUB_URL"] = reader.world.github.web
    reader.start(start)
    client = await reader.ready()

    page = reader.run(link, start)
    done = await made_at_github(client, page)

    assert done.status_code == 200, done.text
    kept = json.loads((reader.folder / "switchyard-data/github-app.json").read_text())
    reader.world.github_hooks.secret = kept["webhook_secret"].encode()
    await reader.roll_out(client)


@pytest.mark.parametrize("reader", ["gitlab"], indirect=True)
async def test_set_up_on_gitlab(reader: Reader) -> None:
    start, *_ = reader.blocks
    filled = start.replace("<the token>", TOKENS[BOT]).replace("<the secret>", SECRET)
    reader.environment["SWITCHYARD_GITLAB_URL"] = reader.world.gitlab.web
    reader.start(filled)

    await reader.roll_out(await reader.ready())
