"""Signing in and out in a real browser, which decides by itself where cookies go."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect
from starlette.types import Receive, Scope, Send

from bot.engine import discovery
from bot.sandbox.demo.site import FLEET
from bot.sandbox.forge.server import ThreadedServer
from bot.settings import Settings
from bot.web.auth import Auth
from bot.web.server import create_app
from tests.browser.conftest import Open
from tests.browser.tabs import LOW_CONTRAST
from tests.fakes.oauth import CLIENT, CLIENT_SECRET
from tests.fakes.world import REPORT_KEY, World


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[World, str]]:
    """A service at which people sign in by GitHub, and its address."""
    world, apps = World(tmp_path, "github"), []

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await apps[0](scope, receive, send)
            return
        for state in ("startup", "shutdown"):
            await receive()
            if state == "shutdown":
                await world.stop_bot()
            await send({"type": f"lifespan.{state}.complete"})

    server = ThreadedServer(service).start()
    settings = Settings(
        fleet=f"github:{FLEET}",
        public_url=server.url,
        marker_key="m" * 16,
        report_key=REPORT_KEY,
        github_client_id=CLIENT,
        github_client_secret=CLIENT_SECRET,
        **world.known,
    )
    object.__setattr__(world.context, "public_url", server.url)
    auth = Auth(settings, discovery.forges(), world.context)
    apps.append(create_app(auth, discovery.agents(), (REPORT_KEY,), lambda: None))
    yield world, server.url
    server.stop()
    await world.stop()


async def test_a_reader_signs_in_and_out_and_is_asked_again_when_the_session_has_ended(
    served: tuple[World, str], tab: Open
) -> None:
    world, service = served
    page = await tab(service, world.github.web)
    await page.goto(f"{service}/fleet?q=tier%3Dedge")
    await expect(page).to_have_url(re.compile(r"/sign-in\?back="))
    assert await page.evaluate(LOW_CONTRAST) == []
    await page.get_by_role("link", name="Sign in with GitHub").click()
    await expect(page).to_have_url(f"{service}/fleet?q=tier%3Dedge")
    assert await page.evaluate("document.cookie") == ""

    await page.get_by_role("link", name="Account").click()
    await expect(page.get_by_text("Signed in as rita on GitHub")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    await page.goto(f"{service}/sign-in/github?back=/fleet")
    await expect(page.locator("#live-text")).to_have_text("live")
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Pause").click()
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
