"""The budget of writes: how it fills, and who waits first."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.forges._rate_budget import RateBudget, Urgency, whole_seconds

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Times:
    now = NOON


def budget(times: Times) -> RateBudget:
    return RateBudget(lambda: times.now, per_minute=10, per_hour=20)


def test_near_the_limit_comments_are_delayed_first_and_merges_last() -> None:
    times = Times()
    made = budget(times)
    allowed = {
        urgency: sum(made.spend(urgency) is None for _ in range(12))
        for urgency in reversed(Urgency)
    }

    assert list(allowed.values()) == [7, 1, 1, 0, 1]
    assert list(allowed)[-1] is Urgency.MERGE
    assert made.spend(Urgency.MERGE) == NOON + timedelta(minutes=1)


def test_delayed_writes_do_not_count_and_the_retry_time_is_exact() -> None:
    times = Times()
    made = budget(times)
    for second in range(10):
        times.now = NOON + timedelta(seconds=second)
        assert made.spend(Urgency.MERGE) is None
    told = made.spend(Urgency.COMMENT)
    assert told == NOON + timedelta(seconds=63)

    times.now = told - timedelta(seconds=1)
    assert made.spend(Urgency.COMMENT) is not None
    times.now = told
    assert made.spend(Urgency.COMMENT) is None


def test_the_hour_counts_too() -> None:
    times = Times()
    made = budget(times)
    for minute in range(20):
        times.now = NOON + timedelta(minutes=minute)
        assert made.spend(Urgency.MERGE) is None

    assert made.spend(Urgency.MERGE) == NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("9999999999", 9_999_999_999),
        *(
            (each, None)
            for each in (None, "", "soon", "-1", "1.5", " 1", "\u00b2", "\u0661", "9" * 11)
        ),
    ],
)
def test_a_header_of_seconds_holds_seconds_or_nothing(
    header: str | None, seconds: int | None
) -> None:
    assert whole_seconds(header) == seconds
