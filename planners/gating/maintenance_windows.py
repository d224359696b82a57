"""When clusters may be changed: windows of the week, each in the cluster's own time zone."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from planners.model import Cluster, Window

LOOK_AHEAD = 8


def spans(window: Window, timezone: str, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Every opening from yesterday to eight days ahead, as begin and end in UTC.

    Wall-clock times, so that 22:00 stays 22:00 when the clocks change. Compared in UTC, since
    times of one zone compare by their wall clocks alone.
    """
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    for offset in range(-1, LOOK_AHEAD + 1):
        day = today + timedelta(days=offset)
        if day.weekday() not in window.days:
            continue
        last = day if window.end > window.start else day + timedelta(days=1)
        begin = datetime.combine(day, window.start, zone).astimezone(UTC)
        end = datetime.combine(last, window.end, zone).astimezone(UTC)
        yield begin, end


def next_opening(
    clusters: Iterable[Cluster], windows: Sequence[Window], now: datetime
) -> tuple[datetime | None, tuple[str, ...]]:
    """When all clusters may be changed at once, and which of them may not be changed now.

    A cluster that no window selects may always be changed; one that several select, in any of them.
    The moment is `now` when nothing is closed, and None when their windows do not meet within eight
    days.
    """
    openings: dict[str, list[tuple[datetime, datetime]]] = {}
    for cluster in clusters:
        mine = [each for each in windows if each.clusters.matches(cluster)]
        if mine:
            openings[cluster.name] = [
                span for each in mine for span in spans(each, cluster.timezone, now)
            ]
    closed = tuple(sorted(name for name, found in openings.items() if not _holds(found, now)))
    if not closed:
        return now, ()
    moments = sorted({begin for found in openings.values() for begin, _ in found if begin > now})
    meeting = (at for at in moments if all(_holds(found, at) for found in openings.values()))
    return next(meeting, None), closed


def _holds(found: Iterable[tuple[datetime, datetime]], moment: datetime) -> bool:
    return any(begin <= moment < end for begin, end in found)
