"""The pages before everything is merged."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bot.documents.application import read_application
from bot.report.rollout_view import problem_view
from tests.fakes.pages import NOON, Site, rollout

BROWSER = {"Accept": "text/html"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    yield made
    made.context.store.close()


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(site.app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:7080", headers=BROWSER
    ) as made:
        yield made


def rows(text: str) -> list[str]:
    """The names at the head of each row of a page's last table."""
    table = text.rpartition("<tbody>")[2]
    return re.findall(r'<th scope="row">(?:<a[^>]*>)?([^<]+)<', table)


async def test_what_is_not_merged_is_no_part_of_how_a_cluster_fares(
    site: Site, client: httpx.AsyncClient
) -> None:
    site.describe(["held", "new"])
    view = rollout(["held", "new"], ["cart", "web"], readiness={"new": "UNMERGED"})
    held = replace(view.units[0], readiness="UNMERGED")
    new = (replace(unit, revision="", at="") for unit in view.units[2:])
    await site.show(replace(view, units=(held, view.units[1], *new)))

    assert rows((await client.get("/fleet?readiness=READY")).text) == ["held"]
    assert rows((await client.get("/fleet?readiness=UNKNOWN")).text) == []
    text = (await client.get("/fleet?readiness=UNMERGED")).text
    assert rows(text) == ["new"]
    assert "never" not in text
    assert "2 components" in text
    told = (await client.get("/api/v1/clusters")).json()["items"]
    assert [(each["readiness"], each["totals"]["UNMERGED"]) for each in told] == [
        ("READY", 1), ("UNMERGED", 2)
    ]  # fmt: skip
    page = (await client.get("/rollouts/storefront?readiness=UNMERGED")).text
    assert rows(page) == ["new"]
    assert "Not ready, by message" not in page


@pytest.mark.parametrize("path", ["/", "/rollouts/storefront"])
async def test_an_app_repo_without_documents_is_no_mistake(
    site: Site, client: httpx.AsyncClient, path: str
) -> None:
    for content, bad in (({}, False), ({"switchyard.yaml": b"kind: Nonsense\n"}, True)):
        problems = read_application(content, None, None).problems
        await site.show(problem_view("storefront", [str(each) for each in problems], NOON))

        text = (await client.get(path)).text
        assert ('class="badge bad">no plan' in text) == bad
        assert ("open merge requests show their plans" in text) != bad
