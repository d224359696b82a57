"""Maintenance windows, each in its cluster's own time zone."""

from datetime import UTC, datetime, time

from planners.gating.maintenance_windows import NextOpening, next_opening
from planners.model import Cluster, Window
from planners.model.selectors import Selector

NIGHT = Window("night", Selector(), frozenset(range(5)), time(22), time(4))
OSLO = Cluster("oslo", "flux", timezone="Europe/Oslo")
TOKYO = Cluster("tokyo", "flux", timezone="Asia/Tokyo")


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_a_night_window_continues_after_midnight() -> None:
    assert next_opening([OSLO], [NIGHT], at(18, 1)) == NextOpening(at(18, 1), ())
    assert next_opening([OSLO], [NIGHT], at(18, 12)) == NextOpening(at(18, 21), ("oslo",))


def test_friday_night_lasts_into_saturday_and_the_weekend_is_closed() -> None:
    assert next_opening([OSLO], [NIGHT], at(21, 2, 59)) == NextOpening(at(21, 2, 59), ())
    assert next_opening([OSLO], [NIGHT], at(21, 3)) == NextOpening(at(23, 21), ("oslo",))


def test_openings_follow_the_wall_clock_across_daylight_saving() -> None:
    day = Window("noon", Selector(), frozenset(range(7)), time(12), time(13))

    assert next_opening([OSLO], [day], at(24, 20, month=10)).at == at(25, 11, month=10)
    assert next_opening([OSLO], [day], at(23, 20, month=10)).at == at(24, 10, month=10)


def test_clusters_of_one_wave_need_overlapping_windows() -> None:
    wide = Window("day", Selector(), frozenset(range(7)), time(8), time(18))

    found = next_opening([OSLO, TOKYO], [wide], at(18, 12))

    assert found == NextOpening(at(19, 7), ("tokyo",)), "Tokyo's 16:00 is Oslo's 8:00"


def test_windows_without_overlap_have_no_opening() -> None:
    short = Window("hour", Selector(), frozenset(range(7)), time(12), time(13))

    assert next_opening([OSLO, TOKYO], [short], at(18, 3)) == NextOpening(None, ("oslo",))


def test_a_cluster_without_a_window_is_always_open() -> None:
    none = Window("others", Selector(names=("rome",)), frozenset({0}), time(1), time(2))

    assert next_opening([OSLO], [none], at(18, 12)) == NextOpening(at(18, 12), ())
