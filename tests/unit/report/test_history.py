"""The history of rollouts, pass by pass, and the numbers of delivery made of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.report.dora import Delivery, delivery
from bot.report.history import FailureSpan, HistoryView, RolloutRecord, with_pass
from bot.report.model import ProgressView, RolloutView
from bot.report.progress import progress
from bot.web.ui.timeline import timeline
from planners.gating.evaluate import WaveState
from tests.fakes.pages import NOON, rollout

WAITING, SETTLING, DONE = WaveState.WAITING, WaveState.SETTLING, WaveState.DONE


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def seen(at: float, *states: WaveState, **values: object) -> RolloutView:
    """What a pass sees at a minute: the states of two waves."""
    made = rollout(["one", "two"], steps=2)
    failing = values.pop("failing", 0)
    waves = tuple(
        replace(wave, state=state, gates=(), failing=failing if state is SETTLING else 0)
        for wave, state in zip(made.waves, states, strict=True)
    )
    done = all(state is DONE for state in states)
    view = replace(made, waves=waves, done=done, at=NOON + minutes(at), committed=NOON)
    return replace(view, **values)  # type: ignore[arg-type]


def history(*passes: RolloutView) -> HistoryView:
    known, before = HistoryView(), None
    for view in passes:
        after: ProgressView = progress(view, before)
        known, before = with_pass(known, view, after), after
    return known


def test_the_times_of_each_wave() -> None:
    found = history(
        seen(0, WAITING, WAITING),
        seen(2, SETTLING, WAITING),
        seen(3, DONE, WAITING),
        seen(4, DONE, SETTLING),
        seen(9, DONE, DONE),
        seen(12, DONE, DONE),
    )
    (record,) = found.rollouts
    assert (record.outcome, record.until) == ("rolled out", NOON + minutes(9))
    first, second = record.waves
    assert (first.merged, first.ready) == (NOON + minutes(2), NOON + minutes(3))
    assert (second.merged, second.ready) == (NOON + minutes(4), NOON + minutes(9))

    made = timeline(found, record.revision, NOON + minutes(60))
    assert made.took == minutes(9)
    bar = made.bars["s1.1"]
    assert (bar.x, bar.waiting, bar.settling) == (0.0, 44.44, 55.56)
    assert (bar.waited, bar.settled) == (minutes(4), minutes(5))
    assert timeline(found, "another", NOON).earlier == (record,)


def outcomes(found: HistoryView) -> list[tuple[str, str, int]]:
    return [(each.revision, each.outcome, len(each.failures)) for each in found.rollouts]


NEXT = {"revision": "b", "digest": "b"}
CASES: dict[str, tuple[Sequence[RolloutView], list[tuple[str, str, int]]]] = {
    "what was done when it was first seen is no rollout": ([seen(0, DONE, DONE)], []),
    "a newer revision replaces it": (
        [seen(0, WAITING, WAITING), seen(1, WAITING, WAITING, **NEXT)],
        [("b", "under way", 0), ("a" * 40, "replaced", 0)],
    ),
    "a failure that is mended": (
        [
            seen(0, WAITING, WAITING),
            seen(1, SETTLING, WAITING, failing=1),
            seen(2, SETTLING, WAITING, failing=2),
            seen(3, SETTLING, WAITING),
            seen(4, DONE, DONE),
        ],
        [("a" * 40, "rolled out", 1)],
    ),
    "a failure after the end belongs to it": (
        [
            seen(0, WAITING, WAITING),
            seen(1, DONE, DONE),
            seen(5, DONE, SETTLING, failing=1),
            seen(6, DONE, DONE),
        ],
        [("a" * 40, "rolled out", 1)],
    ),
    "a rollback": (
        [
            seen(0, WAITING, WAITING),
            seen(1, SETTLING, WAITING, failing=1),
            seen(2, WAITING, WAITING, rolls_back=True),
            seen(3, DONE, DONE, rolls_back=True),
        ],
        [("a" * 40, "rolled back", 1)],
    ),
    "another plan of the same revision": (
        [
            seen(0, WAITING, WAITING),
            seen(1, DONE, DONE),
            seen(2, WAITING, DONE, digest="e"),
            seen(3, DONE, DONE, digest="e"),
        ],
        [("a" * 40, "rolled out", 0), ("a" * 40, "rolled out", 0)],
    ),
    "without a plan nothing moves": (
        [seen(0, WAITING, WAITING), seen(1, WAITING, WAITING, problems=("x",))],
        [("a" * 40, "under way", 0)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_outcomes(case: str) -> None:
    passes, expected = CASES[case]
    assert outcomes(history(*passes)) == expected


def record(begin: float, end: float | None, outcome: str = "rolled out") -> RolloutRecord:
    """A rollout from one day before now to another; its revision was committed an hour earlier."""
    since = NOON - timedelta(days=begin)
    until = None if end is None else NOON - timedelta(days=end)
    return RolloutRecord(
        "r", "d", since, outcome, "", 1, until, since - timedelta(hours=1)  # type: ignore[arg-type]
    )  # fmt: skip


def failed(made: RolloutRecord, hours: int) -> RolloutRecord:
    since = made.since
    return replace(made, failures=(FailureSpan(since, since + timedelta(hours=hours)),))


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NUMBERS = {
    "nothing is known": ([], Delivery(0, None, None, None, None, None)),
    "one under way": ([record(14, None)], Delivery(0, None, 0.0, None, None, NOON - 14 * DAY)),
    "two in two weeks": (
        [record(5, 4), record(14, 11)],
        Delivery(2, 2 * DAY + HOUR, 1.0, 0.0, None, NOON - 14 * DAY),
    ),
    "a young history counts as one week": (
        [record(0.25, 0.125)],
        Delivery(1, 3 * HOUR + HOUR, 1.0, 0.0, None, NOON - DAY / 4),
    ),
    "one of two failed and was mended in two hours": (
        [failed(record(7, 6), 2), record(14, 13)],
        Delivery(2, DAY + HOUR, 1.0, 0.5, 2 * HOUR, NOON - 14 * DAY),
    ),
    "a replaced one counts only where it failed": (
        [record(7, 6), record(9, 8, "replaced"), failed(record(14, 13, "replaced"), 4)],
        Delivery(1, DAY + HOUR, 0.5, 0.5, 4 * HOUR, NOON - 14 * DAY),
    ),
    "a rollback is a failure": (
        [record(14, 13, "rolled back")],
        Delivery(0, None, 0.0, 1.0, None, NOON - 14 * DAY),
    ),
    "what ended earlier is left out": (
        [record(60, 59)],
        Delivery(0, None, 0.0, None, None, NOON - 60 * DAY),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NUMBERS)
def test_the_numbers_of_delivery(case: str) -> None:
    records, expected = NUMBERS[case]
    assert delivery(records, NOON) == expected
