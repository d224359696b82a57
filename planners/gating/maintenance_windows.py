"""Maintenance windows: weekly openings, each in the cluster's own time zone."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from planners.model import Cluster, Window

LOOK_AHEAD = 8
"""Days for which openings are computed: a week, and one day for time zones."""


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of a window, in UTC; `end` is exclusive."""

    begin: datetime
    end: datetime

    def contains(self, moment: datetime) -> bool:
        """Whether the window is open at that time."""
        return self.begin <= moment < self.end


@dataclass(frozen=True, slots=True)
class NextOpening:
    """When all clusters are inside a window, and which of them are outside now.

    `at` is the current time if no cluster is outside, and None if the windows do not overlap within
    eight days.
    """

    at: datetime | None
    closed: tuple[str, ...] = ()


def openings(window: Window, timezone: str, now: datetime) -> Iterator[Opening]:
    """The openings of a window from yesterday to eight days ahead.

    Begin and end are wall-clock times, which daylight saving time does not shift. They are compared
    in UTC, because Python compares times of one zone by wall clock alone.
    """
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    for offset in range(-1, LOOK_AHEAD + 1):
        first = today + timedelta(days=offset)
        if first.weekday() not in window.days:
            continue
        last = first if window.end > window.start else first + timedelta(days=1)
        begin = datetime.combine(first, window.start, zone).astimezone(UTC)
        end = datetime.combine(last, window.end, zone).astimezone(UTC)
        yield Opening(begin, end)


def next_opening(
    clusters: Iterable[Cluster], windows: Sequence[Window], now: datetime
) -> NextOpening:
    """The next time at which all clusters may be changed together.

    A cluster that no window selects is always open; one that several select is open in any of them.
    """
    by_cluster: dict[str, list[Opening]] = {}
    for cluster in clusters:
        selected = [window for window in windows if window.clusters.matches(cluster)]
        if selected:
            by_cluster[cluster.name] = [
                opening
                for window in selected
                for opening in openings(window, cluster.timezone, now)
            ]
    closed = tuple(sorted(name for name, each in by_cluster.items() if not _is_open(each, now)))
    if not closed:
        return NextOpening(now)
    begins = {each.begin for found in by_cluster.values() for each in found if each.begin > now}
    common = (
        begin
        for begin in sorted(begins)
        if all(_is_open(each, begin) for each in by_cluster.values())
    )
    return NextOpening(next(common, None), closed)


def _is_open(found: Iterable[Opening], moment: datetime) -> bool:
    return any(opening.contains(moment) for opening in found)
