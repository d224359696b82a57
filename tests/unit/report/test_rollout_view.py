"""What views tell of components and waves: what runs, what is to come, how it was merged."""

from dataclasses import replace

import pytest

from bot.report.model import GateView
from bot.report.rollout_view import carry_over, unit_views
from bot.report.summary_view import summarize
from planners.gating.evaluate import WaveState
from planners.model import Readiness, Unit
from tests.fakes.builders import World, application, component, snapshot
from tests.fakes.pages import NOON, rollout


def told(world: World) -> dict[str, str]:
    """How each component stands, as a pass leaves it."""
    proposal = world.pass_once()
    units = unit_views(world.snapshot, proposal.evaluation, proposal.plan.units)
    return {f"{unit.component}@{unit.cluster}": unit.readiness for unit in units}


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
    totals = summarize(rollout(["one", "two"], readiness={"two": "UNMERGED"})).totals
    assert (totals["READY"], totals["UNMERGED"]) == (1, 1)


@pytest.mark.parametrize(
    ("state", "gates", "kept"),
    [
        ("merging", [], True),
        ("merging", ["NotMerged"], False),
        ("waiting", ["Paused"], False),
        ("settling", [], True),
    ],
)
def test_a_merged_wave_keeps_its_merge_request(state: str, gates: list[str], *, kept: bool) -> None:
    view = rollout(["one"])
    (wave,) = view.waves
    closed = tuple(GateView(kind, "", "", NOON) for kind in gates)
    before = replace(view, waves=(replace(wave, state=WaveState(state), gates=closed),))
    settling = replace(wave, state=WaveState.SETTLING, gates=(), merge_request=None)

    (found,) = carry_over(replace(view, waves=(settling,)), before).waves
    assert found.merge_request == (wave.merge_request if kept else None)
