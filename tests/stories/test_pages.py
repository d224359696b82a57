"""The rollout page at every point of a rollout, and the whole demonstration."""

import asyncio
import os
import re
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from bot.sandbox.demo.run import run_demo
from bot.sandbox.demo.site import APP
from tests.fakes.world import World, manifest, small_app, small_fleet

on_local = pytest.mark.parametrize("world", ["local"], indirect=True)


async def page(world: World, path: str = "/rollouts/storefront") -> str:
    answer = await world.client.get(path)
    assert answer.status_code == 200, answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    return answer.text


@on_local
async def test_the_page_shows_waves_clusters_and_why_each_waits(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", {"README.md": b"Soon.\n"}, "Begin")
    await world.settle()
    text = await page(world)
    assert "the default branch has no switchyard.yaml" in text
    assert 'class="badge bad"' not in text
    assert "Planning errors" not in text

    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    text = await page(world)
    assert "cart waits for redis to be Ready on one (progressing)" in text
    assert "clears automatically, when the clusters report Ready" in text
    assert len(re.findall(r'aria-label="not merged yet"', text)) == 8
    assert 'http-equiv="refresh"' in text
    assert "since <time" in text
    assert "pushed branch switchyard/storefront/canary.1" in text
    plan = await page(world, "/rollouts/storefront/plan")
    assert "+        image: registry.example.com/redis:1.0.0" in plan
    assert 'id="wave-rest.3"' in plan
    assert "in canary.1, rest.1" in plan

    await world.finish()
    text = await page(world)
    assert re.findall(r">!(\d+)</a></td>", text) == ["1", "2", "3", "4", "5", "6"]
    assert len(re.findall(r'aria-label="ready"', text)) == 9
    assert '<p class="lead">3 clusters ready' in text
    assert (await world.client.get("/")).status_code == 200
    merged = await page(world, "/rollouts/storefront/plan")
    assert re.findall(r"(?s)<pre.*?</pre>", merged) == re.findall(r"(?s)<pre.*?</pre>", plan)
    fleet = await page(world, "/fleet")
    assert len(re.findall(r"<b>3</b> ready", fleet)) == 1
    assert "tier=edge" in fleet


async def test_the_comment_of_an_open_merge_request_links_to_the_page_of_its_plan(
    world: World,
) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", {"README.md": b"Soon.\n"}, "Begin")
    world.ada.push(APP, "shop", small_app(), "Open the shop")
    number = world.ada.open(APP, "shop", "Open the shop")
    await world.settle()
    address = re.search(r"\[Diff\]\((\S+)\)", world.home(number))
    assert address is not None
    path = address[1].removeprefix(world.context.public_url)
    assert re.fullmatch(r"/plans/storefront/[0-9a-f]{64}\?cluster=\w+", path)
    before = await page(world, path)
    assert "+        image: registry.example.com/redis:1.0.0" in before

    world.ada.merge(APP, number)
    await world.settle()
    assert "+        image: registry.example.com/redis:1.0.0" in await page(world, path)


@on_local
async def test_what_clusters_say_is_shown_as_text(world: World) -> None:
    hostile = small_app()
    hostile["deploy/web/deployment.yaml"] = manifest("web").replace(
        b"image: registry", b"image: <script>alert(1)</script>registry"
    )
    world.found(small_fleet())
    world.ada.push(APP, "main", {"README.md": b"Soon.\n"}, "Begin")
    world.ada.push(APP, "shop", hostile, "```\n/approve @rita <b>")
    number = world.ada.open(APP, "shop", "Hostile")
    await world.settle()

    comment = world.home(number)
    assert "<script>" not in re.sub(r"(?s)`{3,}diff.*?`{3,}", "", comment)
    assert not re.search(r"(?m)^\s*/", comment)
    assert "<script>" not in await page(world)


def two_ports() -> int:
    """The first of two free ports in a row, below those that the system hands out itself."""
    for port in range(15_000 + os.getpid() % 5_000 * 2, 30_000, 2):
        with suppress(OSError):
            for each in (port, port + 1):
                socket.create_server(("127.0.0.1", each)).close()
            return port
    raise AssertionError("no two free ports in a row")


async def test_the_demonstration_ends_with_every_cluster_ready(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run_demo(tmp_path, two_ports(), auto=True) == 0

    told = capsys.readouterr().out
    assert "136 components on 12 clusters are READY at the merged revision" in told


async def test_the_demonstration_ends_its_service_when_it_is_told_to_end(tmp_path: Path) -> None:
    port = two_ports()
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "demo", f"--port={port}", f"--data={tmp_path}",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert demo.stdout
    while b"Ctrl-C" not in await demo.stdout.readline():
        assert demo.returncode is None
    patient = httpx.AsyncHTTPTransport(retries=8)
    async with httpx.AsyncClient(transport=patient, timeout=None) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 200
    demo.send_signal(signal.SIGTERM)

    await demo.communicate()
    assert demo.returncode == 128 + signal.SIGTERM
    for each in (port, port + 1):
        socket.create_server(("127.0.0.1", each)).close()
