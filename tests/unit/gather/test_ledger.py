"""What an open merge request claims."""

from bot.gather.holdings import Proposed
from planners.model import Registration, Repo, Unit

SHOP = Registration("store", "shop", Repo("local", "shop/store"), Repo("local", "fleet/deploy"))
UNIT = "clusters/one/apps/shop/store/web/"


def test_a_merge_request_claims_what_it_leaves_of_the_unit_too() -> None:
    merged = {
        Unit("web", "one"): {
            f"{UNIT}deployment-a.yaml": "a1",
            f"{UNIT}deployment-b.yaml": "b1",
            f"{UNIT}deployment-c.yaml": "c1",
        },
        Unit("web", "two"): {"clusters/two/apps/shop/store/web/deployment-a.yaml": "a1"},
    }
    proposed = Proposed(
        SHOP, 3, "head", {f"{UNIT}deployment-b.yaml": "b2", f"{UNIT}deployment-c.yaml": None}
    )

    web = Unit("web", "one")
    assert proposed.after(merged) == {
        web: {f"{UNIT}deployment-a.yaml": "a1", f"{UNIT}deployment-b.yaml": "b2"}
    }
    assert proposed.written == {web: {f"{UNIT}deployment-b.yaml": "b2"}}
