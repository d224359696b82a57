"""The pages in a browser: 2,000 clusters, keyboard only, no script, light and dark, small."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from playwright.async_api import expect

from bot.report.model import PendingUnitView, RolloutView, UnitState
from bot.report.proposed_plan import save_proposed_plan
from bot.sandbox.forge.server import ThreadedServer
from planners.gating.evaluate import WaveState
from tests.browser.conftest import Open
from tests.browser.tabs import LINES, LOW_CONTRAST, MISPLACED_LABELS, OVERFLOW, tab_through
from tests.fakes.pages import Site, plan, proposed, rollout

MANY = [f"edge-{index:04}" for index in range(2_000)]
FEW = [f"site-{index}" for index in range(6)]
ROLLOUT = "/rollouts/storefront"
PLAN = f"/plans/storefront/{'e' * 64}"
PAGES = ("/", "/fleet", "/fleet/site-1", ROLLOUT, f"{ROLLOUT}/plan", PLAN)
MOST_BYTES, MOST_ELEMENTS = 250_000, 6_000


def troubled() -> RolloutView:
    """A small rollout with waves and clusters in every state."""
    wrong: dict[str, UnitState] = {
        "site-1": "STALLED", "site-2": "PROGRESSING", "site-3": "UNKNOWN"
    }  # fmt: skip
    view = rollout(FEW, ("redis", "cart", "web"), wrong, steps=3)
    message = "exceeded its progress deadline " + "x" * 200
    units = tuple(
        replace(unit, message=message) if unit.cluster == "site-1" else unit for unit in view.units
    )
    first, second, third, fourth, fifth, *rest = view.waves
    pending = (PendingUnitView("cart@site-1", "is stalled"),)
    waves = (
        replace(first, state=WaveState.DONE, gates=()),
        replace(second, state=WaveState.SETTLING, gates=(), failing=1, pending=pending),
        replace(third, state=WaveState.MERGING, gates=()),
        fourth,
        replace(fifth, gates=fifth.gates * 4),
        *rest,
    )
    return replace(view, units=units, waves=waves)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A service with a rollout on 2,000 clusters, and a small one with failures."""
    site = Site(tmp_path_factory.mktemp("pages"))
    site.describe(MANY, region="eu", tier="edge")
    await site.show(rollout(MANY, ("cache", "web"), name="everywhere", steps=40))
    await site.show(troubled())
    site.keep_plan(plan("registry.example.com/web:1.1", 3))
    save_proposed_plan(site.context.store.views, "storefront/r!1", proposed("e" * 64))
    server = ThreadedServer(site.app).start()
    yield server.url
    server.stop()
    site.context.store.close()


async def test_two_thousand_clusters_are_found_by_typing(address: str, tab: Open) -> None:
    page = await tab(address)
    answer = await page.goto(f"{address}/fleet")
    assert answer is not None
    assert len(await answer.body()) < MOST_BYTES
    assert await page.locator("*").count() < MOST_ELEMENTS
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(100)

    await page.get_by_label("Name, label, agent or application").fill("region=eu edge-19")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("1 to 100 of 100")).to_be_visible()
    await page.get_by_label("Readiness", exact=True).select_option("READY")
    await page.get_by_role("button", name="Filter").click()
    await expect(rows.first).to_contain_text("edge-1900")
    await page.get_by_role("link", name="Clear").click()
    await expect(rows.first).to_contain_text("site-1")
    await expect(page.locator("svg.cells.wide a").first).to_be_visible()
    await page.get_by_role("link", name="Next").click()
    await expect(page.get_by_text("101 to 200 of")).to_be_visible()
    await rows.first.get_by_role("link", name="everywhere").click()
    await expect(page.locator(".grid tbody tr")).to_have_count(1)
    assert len((await page.content()).encode()) < MOST_BYTES


async def test_everything_is_reached_and_done_by_keyboard(address: str, tab: Open) -> None:
    page = await tab(address, viewport={"width": 1280, "height": 720})
    for path in ("/fleet?q=edge-001", ROLLOUT, f"{ROLLOUT}/plan"):
        await page.goto(address + path)
        found = await tab_through(page)
        assert found.usable - found.reached == set(), path
        assert found.unseen == [], path

    await page.goto(f"{address}/fleet")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    await page.get_by_label("Name, label, agent or application").focus()
    await page.keyboard.type("edge-0007")
    await page.keyboard.press("Enter")
    await expect(page.locator("tbody tr")).to_have_count(1)
    pause = page.get_by_role("button", name="Pause")
    await pause.focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Resume")).to_be_focused()

    await page.goto(address + ROLLOUT)
    await page.get_by_text("and 1 other reason").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("[id='gates-s1.2'] .gate")).to_be_visible()

    await page.goto(f"{address}{ROLLOUT}/plan")
    summary = page.locator("details.group > summary").first
    await summary.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("details.group").first).not_to_have_attribute("open", "")
    await page.get_by_label("Wave", exact=True).focus()
    await page.keyboard.type("s1.1")
    await page.get_by_role("button", name="Filter").press("Enter")
    await expect(page.get_by_text("2 distinct diffs")).to_be_visible()


async def test_every_page_is_the_same_without_script(address: str, tab: Open) -> None:
    with_script, without = await tab(address), await tab(address, java_script_enabled=False)
    for path in PAGES:
        texts = []
        for page in (with_script, without):
            await page.goto(address + path)
            texts.append(await page.locator("main").inner_text())
        assert texts[0] == texts[1]
        await expect(without.locator("#live")).to_be_hidden()
        await expect(with_script.locator("#live")).to_be_visible(visible="/plan" not in path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_is_read_well_in_light_and_dark_and_on_a_small_screen(
    address: str, tab: Open, scheme: str
) -> None:
    page = await tab(address, color_scheme=scheme, viewport={"width": 390, "height": 844})
    for path in PAGES:
        await page.goto(address + path)
        assert await page.evaluate(LOW_CONTRAST) == [], path
        assert await page.evaluate(OVERFLOW) <= 0, path
        assert await page.evaluate(MISPLACED_LABELS) == [], path
    await page.goto(f"{address}/fleet?q=edge-0007")
    name = page.locator("tbody th").first
    assert await name.evaluate(LINES) == 1
