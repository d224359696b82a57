"""The set-up page: from nothing to a GitHub App whose keys only the service can read."""

import asyncio
import json
import re
import stat
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.app import build
from bot.engine.propose import Proposal
from bot.forges import Forge
from bot.keys import setup_key
from bot.sandbox.demo.site import DEPLOY, FLEET
from bot.settings import Settings
from planners.model.snapshot import Snapshot
from tests.fakes.inline import work_inline
from tests.fakes.world import REPORT_KEY, SERVICE, World, close

MARKER_KEY = "marker-key-of-the-tests"
LINK = f"/setup?key={setup_key(MARKER_KEY)}"


@pytest.fixture(params=["github"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    work_inline(asyncio.get_running_loop())
    made = World(tmp_path, request.param)
    yield made
    await made.stop()


def service(world: World) -> tuple[httpx.AsyncClient, dict[str, Forge], Path]:
    """A service that knows where GitHub is, and nothing more; its forges and its data."""
    data = world.folder / "new"
    settings = Settings(
        data_dir=data,
        fleet=f"github:{FLEET}",
        public_url=SERVICE,
        marker_key=MARKER_KEY,
        report_key=REPORT_KEY,
        github_url=world.github.web,
    )

    async def planner(snapshot: Snapshot) -> Proposal:
        raise NotImplementedError(snapshot)

    app, made = build(settings, planner, lambda: world.now)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=SERVICE)
    forges = made.context.forges
    assert isinstance(forges, dict)
    world.closing.push_async_callback(close, made.context)
    return client, forges, data


def form(page: str) -> tuple[str, dict[str, str]]:
    """Where the page's form to GitHub goes, and what it carries."""
    action = re.search(r'<form method="post" action="([^"]+)"', page)
    manifest = re.search(r'name="manifest" value="([^"]+)"', page)
    assert action, page
    assert manifest, page
    return unescape(action[1]), {"manifest": unescape(manifest[1])}


async def made_at_github(client: httpx.AsyncClient, link: str) -> httpx.Response:
    """A browser: opens the page, presses the button, comes back."""
    page = await client.get(link)
    assert page.status_code == 200, page.text
    action, fields = form(page.text)
    async with httpx.AsyncClient(trust_env=False) as browser:
        answer = await browser.post(action, data=fields)
    assert answer.status_code == 302, answer.text
    return await client.get(answer.headers["location"])


async def test_an_app_is_made_and_works_at_once(world: World) -> None:
    client, forges, data = service(world)

    done = await made_at_github(client, f"{LINK}&owner=acme")

    assert done.status_code == 200, done.text
    assert f"{world.github.web}/apps/switchyard/installations/new" in done.text
    file = data / "github-app.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = json.loads(file.read_text())
    for secret in (kept["pem"], kept["webhook_secret"], kept["client_secret"]):
        assert secret not in done.text
    assert world.github.hook_url == f"{SERVICE}/hooks/github"
    assert (await forges["github"].me()).login == "switchyard[bot]"
    assert (await forges["github"].repository(DEPLOY)).path == DEPLOY

    await signs_in(client)

    again, forges, _ = service(world)
    assert (await forges["github"].me()).login == "switchyard[bot]"
    assert "The App is set up" in (await again.get(LINK)).text


async def signs_in(client: httpx.AsyncClient) -> None:
    """A browser, at once after the App was made: it is what people sign in by."""
    assert (await client.get("/fleet", headers={"accept": "text/html"})).status_code == 303
    away = await client.get("/sign-in/github")
    async with httpx.AsyncClient(trust_env=False) as browser:
        back = await browser.get(away.headers["location"])
    assert (await client.get(back.headers["location"])).headers["location"] == "/"
    assert (await client.get("/fleet")).status_code == 200


async def test_without_the_link_nothing_is_shown(world: World) -> None:
    client, _, _ = service(world)

    for link in ("/setup", "/setup?key=", "/setup?key=0", f"/setup?key={'0' * 64}"):
        answer = await client.get(link)
        assert answer.status_code == 403
        assert "manifest" not in answer.text


async def test_a_code_with_a_foreign_or_old_state_is_refused(world: World) -> None:
    client, forges, data = service(world)
    action, _ = form((await client.get(LINK)).text)
    state = str(httpx.URL(action).params["state"])
    world.github.manifests["code"] = {"id": 1}

    async def back(state: str) -> int:
        return (
            await client.get("/setup/github/done", params={"code": "code", "state": state})
        ).status_code

    at, _, signature = state.partition(".")
    for wrong in ("", "x", f"{int(at) + 1}.{signature}", f"{at}.{'0' * 64}", "9" * 400):
        assert await back(wrong) == 403
    world.now += timedelta(hours=1)
    assert await back(state) == 403
    assert not (data / "github-app.json").exists()
    assert forges == {}


async def test_a_code_that_github_does_not_know_is_said(world: World) -> None:
    client, forges, _ = service(world)
    action, _ = form((await client.get(LINK)).text)
    state = str(httpx.URL(action).params["state"])

    answer = await client.get("/setup/github/done", params={"code": "used", "state": state})

    assert answer.status_code == 502
    assert "start the set-up again" in answer.text
    assert forges == {}


async def test_an_app_is_never_replaced_by_the_page(world: World) -> None:
    client, _, data = service(world)
    state = str(httpx.URL(form((await client.get(LINK)).text)[0]).params["state"])
    await made_at_github(client, LINK)
    before = (data / "github-app.json").read_text()

    answer = await client.get("/setup/github/done", params={"code": "other", "state": state})

    assert answer.status_code == 409
    assert (data / "github-app.json").read_text() == before
