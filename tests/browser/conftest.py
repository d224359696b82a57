"""One Chromium for each worker, and tabs that record the errors of their pages.

Everything here runs in one event loop, which lasts as long as the browser.
"""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.tabs import Tab

ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PATIENCE_MS = 120_000
Open = Callable[..., Awaitable[Page]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("no chromium on PATH; the tests in a browser need it: apt install chromium")
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program, args=ARGUMENTS.split(), headless=True
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def tab(chromium: Browser) -> AsyncIterator[Open]:
    """Opens tabs, each in its own browser context; fails if any page had errors."""
    tabs: list[Tab] = []

    async def opened(*own: str, **options: Any) -> Page:
        context = await chromium.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        tabs.append(Tab(await context.new_page(), own))
        return tabs[-1].page

    yield opened
    for each in tabs:
        await each.page.context.close()
    assert [error for each in tabs for error in each.errors] == []
