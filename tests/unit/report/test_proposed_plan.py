"""Pages of plans before their revision is merged: the newest ones of an application are kept."""

from pathlib import Path

import pytest

from bot.report.model import OPEN_PLANS, PROPOSED_PLANS
from bot.report.proposed_plan import MOST_KEPT, save_proposed_plan
from bot.store import Store
from bot.web.ui.plan_diffs import DiffFilter, diff_page
from tests.fakes.pages import plan, proposed


def test_the_newest_pages_are_kept(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'plans.db'}")
    for number in range(MOST_KEPT + 2):
        save_proposed_plan(store.views, f"storefront/r!{number}", proposed(f"d{number}", number))
    save_proposed_plan(store.views, "storefront/r!0", proposed("d3"))
    kept = store.views.load_all(PROPOSED_PLANS)
    assert len(kept) == MOST_KEPT
    assert "storefront/d1" not in kept
    assert kept["storefront/d3"] == proposed("d3")
    assert store.views.load_all(OPEN_PLANS)["storefront/r!0"].digest == "d3"
    store.close()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (DiffFilter(), [(["edge-0"], 1), (["edge-0", "edge-1"], 1), (["edge-1"], 1)]),
        (DiffFilter(cluster="edge-1"), [(["edge-1"], 2)]),
        (DiffFilter(wave="s0.1"), [(["edge-0"], 2)]),
        (DiffFilter(text="new-1"), [(["edge-1"], 1)]),
    ],
)
def test_equal_diffs_are_one_section(wanted: DiffFilter, expected: list[object]) -> None:
    found = diff_page(plan("x", 2), wanted, 1).sections
    assert sorted((each.clusters, len(each.files)) for each in found) == expected
