"""Series of samples: bounded, in order, and without what is no data."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from planners.model.schedule import Schedule
from planners.model.signals import LARGEST_SKEW, MOST_SAMPLES, Sample, Series

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AGE = timedelta(minutes=5)


def at(minutes: float, value: float | None = 1.0) -> Sample:
    return Sample(value, NOW + minutes * MINUTE)


def test_a_series_is_in_order_and_a_repeat_changes_nothing() -> None:
    series = Series().add([at(-1), at(-3), at(-2)], NOW)

    assert series.samples == (at(-3), at(-2), at(-1))
    assert series.add([at(-2, 9.0), at(-1, 9.0)], NOW) == series


def test_a_series_is_bounded() -> None:
    series = Series().add([at(-each) for each in range(1000)], NOW)

    assert len(series.samples) == MOST_SAMPLES
    assert series.samples[-1] == at(0)


def test_a_sample_of_the_future_is_refused() -> None:
    skewed = Sample(1.0, NOW + LARGEST_SKEW)
    future = Sample(1.0, NOW + LARGEST_SKEW + timedelta(seconds=1))

    assert Series().add([skewed, future], NOW).samples == (skewed,)
    assert Series((future,)).newest(NOW, AGE) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_what_is_no_number_is_no_data(value: float | None) -> None:
    assert Series().add([at(0, value)], NOW).newest(NOW, AGE) is None


def test_a_sample_has_a_maximum_age() -> None:
    series = Series((at(-5),))

    assert series.newest(NOW, AGE) == at(-5)
    assert series.newest(NOW + timedelta(seconds=1), AGE) is None


@pytest.mark.parametrize(
    ("cron", "when", "is_open"),
    [
        ("0 8 * * mon-fri", "2026-11-30T07:59:00+01:00", False),
        ("0 8 * * mon-fri", "2026-11-30T08:00:00+01:00", True),
        ("0 8 * * 1-5", "2026-11-30T17:59:00+01:00", True),
        ("0 8 * * 1-5", "2026-11-30T18:00:00+01:00", False),
        ("0 8 * * 1-5", "2026-11-29T12:00:00+01:00", False),
        ("0 8 * * 7", "2026-11-29T12:00:00+01:00", True),
        ("0 8 29 * 1", "2026-11-29T12:00:00+01:00", True),
        ("0 8 28 * sun", "2026-11-29T12:00:00+01:00", True),
        ("0 8 28 * *", "2026-11-29T12:00:00+01:00", False),
        ("*/30 20-22/2 * nov *", "2026-11-29T06:29:00+01:00", True),
        ("0 8 * jan *", "2026-11-29T12:00:00+01:00", False),
        ("30 2 * * *", "2026-03-29T12:00:00+02:00", False),
    ],
)
def test_a_schedule_is_open_for_its_duration(cron: str, when: str, *, is_open: bool) -> None:
    schedule = Schedule(cron, timedelta(hours=10), "Europe/Berlin")

    assert Schedule.parse(str(schedule)) == schedule
    assert schedule.is_open(datetime.fromisoformat(when)) is is_open


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 8 * *", "expected five fields"),
        ("60 8 * * *", "invalid minute '60' in a cron expression; expected 0 to 59"),
        ("0 8 * * noday", "invalid day of the week 'noday'"),
        ("0 8 5-1 * *", "it is empty"),
        ("0 8 */0 * *", "it is empty"),
        ("0 8 * * fun", "invalid day of the week 'fun'"),
    ],
)
def test_an_invalid_schedule_says_what_is_wrong(cron: str, expected: str) -> None:
    with pytest.raises(ValueError, match="cron expression") as error:
        Schedule(cron, timedelta(hours=1)).check()

    assert expected in str(error.value)


@pytest.mark.parametrize("duration", [timedelta(seconds=59), timedelta(days=8)])
def test_a_schedule_opens_for_a_minute_to_a_week(duration: timedelta) -> None:
    with pytest.raises(ValueError, match="at least 1m"):
        Schedule("0 8 * * *", duration).check()
