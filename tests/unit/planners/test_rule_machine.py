"""The state machine of rules, as tables of samples and states."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from planners.model.rules import Action, Evidence, Phase, Record, Rule, RuleState
from planners.model.signals import Sample, Series, SignalKey, SignalKind
from planners.rules.machine import Moment, advance, begin
from planners.rules.memory import restored

START = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SIGNAL = SignalKey(SignalKind.METRIC, "queue")
RULE = Rule(
    "lunch",
    ("web",),
    SIGNAL,
    Action.ADD_CLUSTERS,
    above=10,
    below=4,
    hold=2 * MINUTE,
    cooldown=5 * MINUTE,
    pace=3 * MINUTE,
    max_age=2 * MINUTE,
    most=2,
)


def played(
    values: Sequence[float | None],
    rule: Rule = RULE,
    *,
    settled: bool = True,
    state: RuleState | None = None,
) -> list[RuleState]:
    """The state after each minute with one more sample; None is a minute without a sample."""
    state = begin(START - timedelta(hours=1)) if state is None else state
    samples: list[Sample] = []
    found = []
    for minute, value in enumerate(values):
        now = START + minute * MINUTE
        samples += [] if value is None else [Sample.of(value, now)]
        state = advance(rule, state, Moment(Series().add(samples, now), now, settled))
        found.append(state)
    return found


def letters(states: Sequence[RuleState]) -> str:
    """The first letter of each phase, with the number of steps where there are any."""
    return " ".join(f"{each.phase[0]}{len(each.steps) or ''}" for each in states)


NAN = float("nan")

TABLE = {
    "idle below, between and at the thresholds": ([1, 5, 10, 5, 4], "i i i i i"),
    "pending while over, active after `for`": ([11, 11, 11], "p p a1"),
    "a dip ends what was pending": ([11, 11, 9, 11, 11, 11], "p p i p p a1"),
    "one sample alone starts nothing": ([11, None, None, None], "p p p i"),
    "a gap begins it anew": ([11, 11, None, None, 11, 11, 11], "p p p p p p a1"),
    "no number is no data": ([11, 11, NAN, 11, 11, 11], "p p i p p a1"),
    "one more step each pace, after `for`, up to the most": (
        [11] * 10,
        "p p a1 a1 a1 a2 a2 a2 a2 a2",
    ),
    "between the thresholds it stays": ([11, 11, 11, 6, 6, 6, 6, 6], "p p a1 a1 a1 a1 a1 a1"),
    "back after `for` and cooldown": ([11, 11, 11, 1, 1, 1, 1, 1, 1], "p p a1 a1 a1 a1 a1 r i"),
    "back one step each pace": (
        [11] * 6 + [1] * 10,
        "p p a1 a1 a1 a2 a2 a2 a2 a2 r1 r1 r1 r i i",
    ),
    "without data it holds what is": ([11] * 3 + [None] * 9, "p p a1 a1 a1 a1 a1 a1 a1 a1 a1 a1"),
    "a peak while it goes back turns it, after the cooldown": (
        [11] * 6 + [1] * 5 + [11] * 6,
        "p p a1 a1 a1 a2 a2 a2 a2 a2 r1 r1 r1 r1 r1 a2 a2",
    ),
    "again after the cooldown only": (
        [11] * 3 + [1] * 5 + [11] * 6,
        "p p a1 a1 a1 a1 a1 r p p p p a1 a1",
    ),
}


@pytest.mark.parametrize(("values", "expected"), TABLE.values(), ids=TABLE)
def test_the_state_machine(values: Sequence[float | None], expected: str) -> None:
    assert letters(played(values)) == expected


def test_a_step_waits_until_the_one_before_is_merged_and_ready() -> None:
    states = played([11] * 9, settled=False)

    assert letters(states) == "p p a1 a1 a1 a1 a1 a1 a1"
    assert states[-1].why == (
        "metric queue is 11, over 10 since 12:02:00 UTC: waits until its last change is merged and "
        "ready"
    )


def test_an_open_step_is_taken_back_whatever_became_of_it() -> None:
    assert letters(played([11] * 3 + [1] * 6, settled=False)) == "p p a1 a1 a1 a1 a1 r r"


def test_what_was_forgotten_makes_it_late() -> None:
    forgotten = played([11] * 8, state=begin(START))

    assert letters(forgotten) == "p p p p p a1 a1 a1"
    assert forgotten[4].why.endswith("waits until 12:05:00 UTC (cooldown 5m)")


def test_asking_again_changes_nothing() -> None:
    (state,) = played([11])[-1:]
    moment = Moment(Series((Sample(11, START),)), START)

    assert advance(RULE, advance(RULE, state, moment), moment) == state


def test_each_activation_has_an_epoch_and_each_step_its_evidence() -> None:
    states = played([11] * 6 + [1] * 10)
    active = states[5]
    second = START + 5 * MINUTE

    assert {each.epoch for each in states[2:13]} == {int(states[2].changed.timestamp())}
    assert states[-1].epoch == 0
    assert active.steps[1] == Evidence(11, 10, second, second)
    assert active.moves == (START + 2 * MINUTE, second)


def test_a_long_time_counts_beyond_the_samples_that_are_kept() -> None:
    rule = replace(RULE, hold=timedelta(hours=6))

    assert letters(played([11] * 362, rule)[-3:]) == "p a1 a1"


def test_future_samples_start_nothing() -> None:
    series = Series(tuple(Sample(11, START + minute * MINUTE) for minute in range(5)))

    state = advance(RULE, begin(START - timedelta(hours=1)), Moment(series, START - 5 * MINUTE))

    assert state.phase is Phase.IDLE
    assert "is of the future" in state.why


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], "metric queue is not known: stays as it is"),
        ([NAN], "metric queue has no value: stays as it is"),
        ([5], "metric queue is 5, between 4 and 10: stays as it is"),
        ([1], "metric queue is 1, not over 4 since 12:00:00 UTC: idle"),
        (
            [11],
            "metric queue is 11, over 10 since 12:00:00 UTC: changes when that has lasted 2m",
        ),
        ([11] * 3, "metric queue is 11, over 10 since 12:00:00 UTC: takes step 1 of 2"),
        (
            [1, None, None, None],
            "metric queue is from 12:00:00 UTC, more than 2m ago: stays as it is",
        ),
    ],
)
def test_it_says_why(values: Sequence[float | None], expected: str) -> None:
    assert played(values or [None])[-1].why == expected


def test_an_alert_fires_until_it_is_resolved() -> None:
    alert = SignalKey(SignalKind.ALERT, "TooSlow")
    rule = replace(RULE, signal=alert, above=0.5, below=0.5, max_age=timedelta(hours=5))

    assert letters(played([1, None, None, None], rule)) == "p p a1 a1"


def test_one_threshold_is_over_or_not() -> None:
    rule = replace(RULE, above=0.5, below=0.5)

    assert letters(played([1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5], rule)) == "p p a1 a1 a1 a1 a1 r"


def test_after_a_loss_a_rule_goes_on_in_no_direction_before_its_cooldown() -> None:
    """Records do not say whether the last change was a step back."""
    record = Record("lunch", RULE.action, 1, 1, str(SIGNAL), Evidence(11, 10, START, START))
    state = restored([record], START)

    states = played([11] * 8, state=state)

    assert letters(states) == "a1 a1 a1 a1 a1 a2 a2 a2"
    assert states[4].why.endswith("waits until 12:05:00 UTC (cooldown 5m)")
