"""The fleet at a glance, bounded for any number of clusters, and the page of one cluster."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bot.report.cluster_details import (
    CLAIMS,
    FLEET_DETAILS,
    ClaimsView,
    FleetDetailsView,
    claims_view,
    fleet_details,
)
from bot.report.model import ClusterView, UnitState
from bot.report.summary_view import count_states
from bot.web.ui.fleet import ClusterRow
from bot.web.ui.fleet_map import Block, fleet_grid, regions, worst_first
from planners.model import Cluster, Fleet, Location, Price, Taint, TaintEffect
from planners.model.basics import Readiness
from planners.model.quantities import parse
from planners.model.snapshot import ResourceClaim
from plugins import Word
from tests.fakes.pages import NOON, SHA, Site, rollout


def row(
    name: str, state: UnitState = "READY", region: str = "", *, silent: bool = False
) -> ClusterRow:
    labels = {"region": region} if region else {}
    none = count_states(())
    return ClusterRow(
        name, "flux", labels, "none", listed=True, readiness=state, totals=none, silent=silent,
        reported_at=NOON, applications=(),
    )  # fmt: skip


def test_the_worst_come_first_and_silent_ones_before_others() -> None:
    made = [row("a"), row("b", "PROGRESSING"), row("c", silent=True), row("d", "STALLED")]
    made.append(row("e", "UNKNOWN"))
    assert [each.name for each in worst_first(made)] == ["d", "e", "b", "c", "a"]


def areas(blocks: Sequence[Block], cell: int) -> dict[str, int]:
    """How many cells each state covers."""
    found: dict[str, int] = {}
    for each in blocks:
        count = each.width // cell * (each.height // cell)
        found[each.state] = found.get(each.state, 0) + count
    return found


@pytest.mark.parametrize(("count", "cell"), [(12, 24), (300, 16), (2_000, 10), (10_000, 6)])
@pytest.mark.parametrize("width", [1200, 360])
def test_the_grid_covers_every_cluster_with_few_shapes(count: int, cell: int, width: int) -> None:
    states: tuple[UnitState, ...] = ("STALLED", "PROGRESSING", "READY")
    made = [row(f"c{at:05}", states[min(at // 5, 2)]) for at in range(count)]
    grid = fleet_grid(worst_first(made), width)
    assert grid.cell == cell
    assert len(grid.blocks) <= 9
    assert areas(grid.blocks, cell) == {
        "STALLED": 5, "PROGRESSING": 5, "READY": count - 10
    }  # fmt: skip
    assert len(grid.cells) == (count if count == 12 else 0)
    right = max(each.x + each.width for each in grid.blocks)
    assert right <= grid.width <= width
    assert max(each.y + each.height for each in grid.blocks) == grid.height


PLACES = {"us-west": (37, -122), "us-east": (39, -77), "eu": (50, 8), "eu-north": (60, 18),
          "ap": (1, 104), "za": (-26, 28)}  # fmt: skip


def test_regions_stand_where_they_lie_on_a_map() -> None:
    rows = [row(name, region=name) for name in PLACES]
    rows += [row("us-west-2", "STALLED", "us-west"), row("lost", region="nowhere"), row("none")]
    described = [
        ClusterView(name, "flux", latitude=place[0], longitude=place[1])
        for name, place in PLACES.items()
    ]
    found = {each.name: each for each in regions(rows, described)}
    cells = {name: (each.column, each.row) for name, each in found.items()}
    assert cells == {
        "us-west": (1, 3), "us-east": (2, 3), "eu": (3, 2), "eu-north": (4, 1), "za": (5, 5),
        "ap": (6, 4), "nowhere": (0, 0), "": (0, 0),
    }  # fmt: skip
    assert (found["us-west"].clusters, found["us-west"].worst) == (2, "STALLED")
    assert len({cell for cell in cells.values() if cell != (0, 0)}) == len(PLACES)
    assert regions([row("one"), row("two")], ()) == []


def test_what_is_merged_and_proposed_is_claimed_once() -> None:
    def claim(component: str, cpu: int, number: int = 0, name: str = "shop") -> ResourceClaim:
        merged = None if number else NOON
        return ResourceClaim(name, component, ("one",), {"cpu": cpu}, merged, number)

    claims = (claim("web", 2), claim("web", 5, 7), claim("db", 1), claim("web", 90, name="other"))
    assert claims_view("shop", claims) == ClaimsView({"one": {"cpu": 6}})


async def test_the_page_of_a_cluster(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.describe(["one", "two"], region="eu")
    described = Cluster(
        "one", "flux", kubernetes="1.31", nodes=3,
        capacity={"cpu": parse(8), "memory": parse("16Gi")},
        allocated={"cpu": parse(2)}, price=Price(0.04, 0.01), carbon=120.0,
        taints=(Taint("gpu", "true", TaintEffect.NO_SCHEDULE),), location=Location(50, 8),
    )  # fmt: skip
    views = site.context.store.views
    details = fleet_details(Fleet(clusters=(described,)))
    assert set(details.clusters) == {"one"}
    views.save(FLEET_DETAILS, "", FleetDetailsView(details.clusters))
    views.save(CLAIMS, "storefront", ClaimsView({"one": {"cpu": parse("1500m")}}))
    await site.show(rollout(["one"], readiness={"one": "STALLED"}))
    words = [
        Word("one", "storefront", "web", SHA, Readiness.STALLED, "0 of 2 replicas", NOON),
        Word("one", "", "kustomize-controller", "", Readiness.READY, "v1.4", NOON),
    ]
    site.context.store.reports.record_all(words, NOON)
    site.now = NOON + timedelta(minutes=3)
    transport = httpx.ASGITransport(site.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7080") as client:
        text = (await client.get("/fleet/one")).text
        for said in (
            "1.31", "0.04 per CPU hour", "120 g CO₂ per kWh", "gpu=true:NoSchedule", "1500m",
            "0 of 2 replicas", "3 min ago", "kustomize-controller", "43.8 % used",
            'href="/rollouts/storefront?q=one#clusters"',
        ):  # fmt: skip
            assert said in text, said
        gone = await client.get("/fleet/nowhere")
        assert (gone.status_code, "Unknown cluster nowhere" in gone.text) == (404, True)
        assert "Nothing is placed on this cluster" in (await client.get("/fleet/two")).text
    site.context.store.close()
