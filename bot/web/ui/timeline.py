"""The times of a rollout: a bar for each wave on one scale, and the rollouts before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.report.dora import Delivery, delivery
from bot.report.history import HistoryView, RolloutRecord, WaveTimes

EARLIER = 10
MIN_WIDTH = 0.8


@dataclass(frozen=True, slots=True)
class Bar:
    """A wave's bar of width 100: waiting from `x`, then `settling` from its merge to its end.

    `waited` and `settled` are the durations; None as long as they have not begun.
    """

    x: float
    waiting: float
    settling: float
    waited: timedelta
    settled: timedelta | None
    ready: datetime | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The bars by wave, how long the rollout took until now, and the rollouts before."""

    bars: Mapping[str, Bar]
    took: timedelta | None
    since: datetime | None
    earlier: Sequence[RolloutRecord]
    more: int
    delivery: Delivery


def timeline(history: HistoryView, revision: str, now: datetime) -> Timeline:
    """The times of the rollout of that revision, which is the newest if any is known."""
    records = history.rollouts
    current = records[0] if records and records[0].revision == revision else None
    earlier = records[1:] if current else records
    end = (current.until or now) if current else now
    took = end - current.since if current else None
    return Timeline(
        bars=bars(current.waves, current.since, end) if current else {},
        took=took,
        since=current.since if current else None,
        earlier=earlier[:EARLIER],
        more=max(0, len(earlier) - EARLIER),
        delivery=delivery(records, now),
    )


def bars(waves: Sequence[WaveTimes], begin: datetime, end: datetime) -> dict[str, Bar]:
    """A bar for each wave."""
    length = max(end - begin, timedelta(seconds=1))
    return {each.name: _bar(each, begin, end, length) for each in waves}


def _bar(wave: WaveTimes, begin: datetime, end: datetime, length: timedelta) -> Bar:
    merged = wave.merged or end
    ready = wave.ready or end
    x = _scaled(wave.since - begin, length)
    waiting = _scaled(merged - wave.since, length)
    settling = max(MIN_WIDTH, _scaled(ready - merged, length)) if wave.merged else 0.0
    return Bar(
        x=min(x, 100 - MIN_WIDTH),
        waiting=waiting,
        settling=round(settling, 2),
        waited=merged - wave.since,
        settled=ready - merged if wave.merged else None,
        ready=wave.ready,
    )


def _scaled(part: timedelta, length: timedelta) -> float:
    return round(100 * min(1.0, max(0.0, part / length)), 2)
