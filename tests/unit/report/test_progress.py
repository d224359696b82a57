"""How far a rollout is: states, and the times from which its durations are measured."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.report.model import GateView, ProgressView, RolloutView
from bot.report.progress import progress
from tests.fakes.pages import NOON, rollout

MINUTE = timedelta(minutes=1)
BASE = replace(rollout(["one"]), revision="a", done=False)
FAILING = replace(BASE, waves=(replace(BASE.waves[0], failing=1),))
INVALID = replace(BASE, problems=("wrong",))
IDLE = replace(BASE, revision="")
DONE = replace(BASE, done=True)


def after(*views: RolloutView) -> ProgressView:
    """The progress when these views come a minute apart."""
    found: ProgressView | None = None
    for minute, view in enumerate(views):
        found = progress(replace(view, at=NOON + minute * MINUTE), found)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("view", "state"),
    [
        (BASE, "progressing"),
        (FAILING, "failing"),
        (INVALID, "invalid"),
        (IDLE, "idle"),
        (DONE, "done"),
    ],
)
def test_a_rollout_is_in_one_state(view: RolloutView, state: str) -> None:
    assert after(view).state == state


@pytest.mark.parametrize(
    ("views", "began"),
    [
        ([BASE, BASE, DONE], 0),
        ([BASE, replace(BASE, revision="b")], 1),
        ([BASE, DONE, BASE], 2),
        ([IDLE, replace(BASE, revision="b")], 1),
        ([BASE, DONE, DONE], 0),
    ],
    ids=["same", "replaced", "the fleet changed", "first", "still done"],
)
def test_a_rollout_begins_with_its_revision_or_after_it_was_done(
    views: list[RolloutView], began: int
) -> None:
    assert after(*views).since == NOON + began * MINUTE


def test_a_failure_is_remembered_until_it_is_over() -> None:
    assert after(BASE, FAILING, FAILING).failing_since == NOON + MINUTE
    assert after(FAILING, BASE, FAILING).failing_since == NOON + 2 * MINUTE
    assert after(FAILING, BASE).failing_since is None
    assert after(FAILING, DONE).failed
    assert not after(FAILING, DONE, BASE, DONE).failed


def test_gates_count_by_their_kind_and_the_oldest_tells_the_age() -> None:
    gates = (
        GateView("AwaitsStep canary", "", "", NOON),
        GateView("AwaitsStep rest", "", "", NOON - MINUTE),
        GateView("HeldByLabel", "", "", NOON),
    )
    waits = after(replace(BASE, waves=(replace(BASE.waves[0], gates=gates),))).waits

    assert {name: (each.count, each.since) for name, each in waits.items()} == {
        "AwaitsStep": (2, NOON - MINUTE),
        "HeldByLabel": (1, NOON),
    }
