"""A reviewer in a browser: reads, approves with a click, and sees the rollout end, live."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from bot.sandbox.demo.site import APP
from bot.sandbox.forge.server import ThreadedServer
from tests.browser.conftest import Open
from tests.browser.tabs import LOW_CONTRAST
from tests.fakes.world import TOKENS, World, small_app, small_fleet

POLICY = "{approvals: [{clusters: {matchLabels: {canary: 'true'}}, count: 1}]}"
WAVES = ("canary.1", "canary.2", "canary.3")


async def approve(forge: Page) -> None:
    """Approve the merge request that is open, and see that it counts."""
    await forge.get_by_role("button", name="Approve").click()
    await expect(forge.get_by_role("button", name="Withdraw approval")).to_be_visible()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[World, str]]:
    """A world, and where a browser finds its service."""
    world = World(tmp_path, "local")
    server = ThreadedServer(world.app).start()
    yield world, server.url
    server.stop()
    await world.stop()


async def test_a_reviewer_approves_and_watches_the_rollout_end(
    served: tuple[World, str], tab: Open
) -> None:
    world, service = served
    world.found(small_fleet(("one",), POLICY))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    page = await tab(service, world.site.url)
    await page.goto(f"{service}/rollouts/storefront")
    await page.evaluate("window.neverLoadedAgain = true")
    badge = page.locator("h1 .badge")
    await expect(badge).to_have_text("in progress")
    await expect(page.locator("[id='wave-canary.1']")).to_contain_text("waits for 1 approval")

    forge = await tab(service, world.site.url, color_scheme="dark")
    await forge.goto(await linked(page, "canary.1"))
    await forge.get_by_label("Login").fill("rita")
    await forge.get_by_label("Token").fill(TOKENS["rita"])
    await forge.get_by_role("button", name="Sign in").click()
    for wave in WAVES:
        await forge.goto(await linked(page, wave))
        await approve(forge)
        assert await forge.evaluate(LOW_CONTRAST) == []
        await world.settle()
        await world.advance(3)
        await expect(page.locator(f"[id='wave-{wave}'] .badge")).to_have_text("ready")
    await expect(badge).to_have_text("rolled out")
    await expect(page.locator(".grid .dot.READY")).to_have_count(3)
    await expect(page.locator("#live-text")).to_have_text("live")
    assert await page.evaluate("window.neverLoadedAgain")
    assert world.merged() == [*WAVES]


async def linked(page: Page, wave: str) -> str:
    """Where the rollout's page says that a wave's merge request is."""
    link = page.locator(f"[id='wave-{wave}'] td:last-child a")
    return await link.get_attribute("href") or ""
