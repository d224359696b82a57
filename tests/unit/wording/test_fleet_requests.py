"""The comment on a merge request of the fleet repo, as platform engineers see it.

A comment stands in `tests/golden/fleet_requests`; `pytest --inline-snapshot=create,fix` writes it.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from inline_snapshot import external_file

from bot.engine.propose import Proposal, propose
from bot.wording.fleet_requests import FleetComparison, answer, fleet_comment, fleet_mistakes
from bot.wording.markdown import units
from planners.model import ApprovalRule, Maintenance, PlanProblem, Policy
from planners.model.selectors import Selector
from planners.plan_differences import Move, NoPlan, Outcome, PlanDifference, difference
from tests.fakes.comments import MARKER, assert_dead, read, world

GOLDEN = Path(__file__).parents[2] / "golden" / "fleet_requests"
MOVED = PlanDifference(
    "maps", Outcome.MOVED, (Move(("tiles",), ("eu-2",), ("eu-1",)),), clusters=4, digest="ab" * 32
)


def merged(**fields: object) -> Proposal:
    """The plan of what runs on three clusters, with another fleet."""
    told = world().installed()
    return propose(replace(told.world.snapshot, **fields))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def proposals() -> dict[str, Proposal]:
    """Plans of the same application with the fleet as it is, and with others."""
    told = world()
    now = told.world.snapshot
    one, two, three = now.clusters
    drained = replace(three, maintenance=Maintenance.DRAINED)
    values = replace(two, labels={**two.labels, "canary": "true"})
    rule = ApprovalRule(Selector(), 2, teams=("fleet/owners",))
    return {
        "now": merged(),
        "drained": merged(clusters=(one, two, drained)),
        "order": merged(clusters=(one, values, three)),
        "careful": merged(policies=(Policy("careful", (rule,)),)),
    }


def compared(found: dict[str, Proposal]) -> FleetComparison:
    """One application of each kind."""
    now = found["now"]
    broken = NoPlan((PlanProblem("unknown tenant 'shop': add tenants/shop.yaml"),) * 3)
    return FleetComparison(
        base="b" * 40,
        head="a" * 40,
        registered=23,
        differences=(
            MOVED,
            PlanDifference("ended", Outcome.MOVED, (Move(("web",), (), ("c1",)),), waves=1),
            difference("orders", now, found["drained"]),
            difference("careful", now, found["careful"]),
            difference("staged", now, found["order"]),
            difference("new", None, now),
            difference("mended", broken, now),
            difference("gone", now, None),
            difference("payments", now, broken),
            difference("ill", broken, broken),
            difference("calm", now, now),
            PlanDifference("elsewhere", Outcome.UNREAD),
            PlanDifference(
                "drawn", Outcome.RENDERED, rendered=("c1", "c2"), waves=2, digest="c" * 64
            ),
        ),
        unplanned=tuple(f"app-{number}" for number in range(11)),
    )


def test_the_whole_comment(proposals: dict[str, Proposal]) -> None:
    text = fleet_comment(MARKER, compared(proposals), 60_000)
    shown = text.removeprefix(f"{MARKER}\n\n") + "\n"
    assert shown == external_file(GOLDEN / "everything.md", format=".txt")


def test_the_answer_counts_and_says_what_is_missing(proposals: dict[str, Proposal]) -> None:
    same = difference("calm", proposals["now"], proposals["now"])
    none = FleetComparison("b", "a", 12, (same,))
    assert answer(none) == "changes no plan of 12 applications"
    assert answer(replace(none, unplanned=("x",))) == (
        "no change found; 1 not planned of 12 applications"
    )
    moved = replace(none, differences=(MOVED, MOVED, MOVED))
    assert answer(moved) == "moves 3 of 12 applications; nothing else changes"
    assert (
        answer(replace(moved, unplanned=("x", "y"))) == "moves 3 of 12 applications; 2 not planned"
    )


HOSTILE = (
    "@ada",
    "</sub><img src=x>",
    "a|b",
    "`x` @ada #1",
    "[x](javascript:alert(1))",
    "\u202e@x",
)


@pytest.mark.parametrize("word", HOSTILE)
def test_text_of_others_stays_text(word: str) -> None:
    every = FleetComparison(
        "b" * 40,
        "a" * 40,
        3,
        (
            PlanDifference(word, Outcome.BROKEN, problems=(PlanProblem(word),)),
            PlanDifference(
                word, Outcome.MOVED, (Move((word,), (word,), (word,)),), (word,), clusters=1
            ),
        ),
        (word,),
    )
    assert_dead(read(fleet_comment(MARKER, every, 60_000)))
    assert_dead(read(fleet_mistakes(MARKER, [word], 60_000)))


def test_a_comment_fits_and_says_what_it_leaves_out() -> None:
    many = tuple(replace(MOVED, application="x" * 200 + str(n)) for n in range(400))
    text = fleet_comment(MARKER, FleetComparison("b", "a", 400, many, ("y" * 200,) * 400), 8_000)
    assert units(text) <= 8_000
    assert "And 395 more." in text
    assert "and 390 more" in text
