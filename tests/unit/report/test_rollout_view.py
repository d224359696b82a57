"""What views tell of components and waves: what runs, what is to come, how it was merged."""

from dataclasses import replace
from typing import Any

import pytest

from bot.report.rollout_view import units_view, with_since
from bot.report.summary_view import summary
from planners.model import Readiness, Unit
from tests.fakes.builders import World, application, component, snapshot
from tests.fakes.pages import rollout


def told(world: World) -> dict[str, str]:
    """How each component stands, as a pass leaves it."""
    proposal = world.pass_once()
    units: Any = units_view(world.snapshot, proposal.evaluation, proposal.plan.units)
    return {f"{unit['component']}@{unit['cluster']}": unit["readiness"] for unit in units}


def test_what_is_not_merged_has_a_state_of_its_own() -> None:
    world = World(snapshot(application(component("redis"), component("cart", "redis"))))
    assert set(told(world).values()) == {"UNMERGED"}

    world.settle()
    found = told(world)
    assert found["redis@c1"] == "UNKNOWN"
    assert found["cart@c1"] == "UNMERGED"
    world.report(Unit("redis", "c1"), Readiness.READY)
    assert told(world)["redis@c1"] == "READY"


def test_what_is_to_be_removed_counts_until_its_removal_is_merged() -> None:
    world = World(snapshot(application(component("redis"), component("cart"))))
    world.finish()
    smaller = application(component("cart"))
    world.snapshot = replace(
        world.snapshot, application=smaller, sources={"cart": world.snapshot.sources["cart"]}
    )

    assert told(world)["redis@c1"] == "READY"
    world.finish()
    assert {name.partition("@")[0] for name in told(world)} == {"cart"}


def test_a_summary_counts_what_is_not_merged_yet() -> None:
    counted: Any = summary(rollout(["one", "two"], readiness={"two": "UNMERGED"}))
    assert (counted["totals"]["READY"], counted["totals"]["UNMERGED"]) == (1, 1)


@pytest.mark.parametrize(
    ("state", "gates", "kept"),
    [
        ("merging", [], True),
        ("merging", [{"kind": "NotMerged"}], False),
        ("waiting", [{"kind": "Paused"}], False),
        ("settling", [], True),
    ],
)
def test_a_merged_wave_keeps_its_merge_request(state: str, gates: list[Any], *, kept: bool) -> None:
    before, later = rollout(["one"]), rollout(["one"])
    before["waves"][0] |= {"state": state, "gates": gates}
    later["waves"][0] |= {"state": "settling", "gates": [], "merge_request": None}

    found = with_since(later, before)["waves"][0]["merge_request"]
    assert found == (before["waves"][0]["merge_request"] if kept else None)
