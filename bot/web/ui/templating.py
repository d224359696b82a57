"""The templates: everything is escaped, and an unknown name is an error."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.report.dora import WINDOW
from bot.report.model import MergeRequestView, UnitCounts, UnitState
from bot.web.ui import badges
from bot.web.ui.paging import address
from bot.web.ui.plan import plan_path
from bot.web.ui.rollout import path_of, pending_groups
from bot.wording.connections import pieces
from bot.wording.markdown import plural
from planners.model import listing

HERE = Path(__file__).parent
MINUTE, HOUR, DAY = 60, 3600, 86_400
FEW = 2
MIN_WIDTH = 1.5
BAR_ORDER: tuple[UnitState, ...] = ("READY", "PROGRESSING", "UNKNOWN", "STALLED", "UNMERGED")


@dataclass(frozen=True, slots=True)
class BarSegment:
    """One state in a bar of width 100."""

    state: UnitState
    x: float
    width: float


@cache
def environment() -> Environment:
    """An environment with what the pages' templates use; shared, as it keeps what it compiled."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "after": after,
        "moment": moment,
        "clock": clock,
        "listing": listing,
        "number": number_of,
        "readiness": readiness,
    }
    made.globals |= {
        "address": address,
        "ago": ago,
        "badges": badges,
        "path_of": path_of,
        "pending_groups": pending_groups,
        "pieces": pieces,
        "plan_path": plan_path,
        "plural": plural,
        "month": WINDOW,
        "segments": segments,
        "span": span,
    }
    return made


def segments(counts: UnitCounts) -> list[BarSegment]:
    """A segment for each state that occurs, none too thin to see.

    The ready units come first, so that bars below one another can be compared; those that are not
    merged come last.
    """
    present = [(state, counts[state]) for state in BAR_ORDER if counts.get(state)]
    total = sum(count for _, count in present)
    widths = [(state, max(100 * count / total, MIN_WIDTH)) for state, count in present]
    scale = 100 / sum(width for _, width in widths) if widths else 1
    found, x = [], 0.0
    for state, width in widths:
        found.append(BarSegment(state, round(x, 2), round(width * scale, 2)))
        x += width * scale
    return found


def after(headline: str, badge: str) -> str:
    """A headline behind a badge that says its first words: `rolled out: 12 clusters ready`."""
    return headline.removeprefix(f"{badge}: ")


def readiness(state: UnitState) -> str:
    """A unit's state in words: `progressing`, `not merged yet`."""
    return badges.CLUSTERS[state].text


def number_of(request: MergeRequestView) -> str:
    """The number of a merge request as its forge writes it: `!3`, on GitHub `#3`."""
    return f"{'#' if '/pull/' in request.url else '!'}{request.number}"


def moment(value: datetime) -> str:
    """`2026-11-20 12:00:03`, in UTC."""
    return f"{value:%Y-%m-%d %H:%M:%S}"


def clock(value: datetime) -> str:
    """`12:00:03`, in UTC."""
    return f"{value:%H:%M:%S}"


def span(value: timedelta) -> str:
    """A duration in one or two units: `41 s`, `3 min 20 s`, `2 h 5 min`, `3 days`."""
    seconds = max(0, int(value.total_seconds()))
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return _two(seconds, MINUTE, "min", 1, "s")
    if seconds < FEW * DAY:
        return _two(seconds, HOUR, "h", MINUTE, "min")
    return f"{seconds // DAY} days"


def _two(seconds: int, large: int, unit: str, small: int, rest: str) -> str:
    left = seconds % large // small
    return f"{seconds // large} {unit} {left} {rest}" if left else f"{seconds // large} {unit}"


def ago(now: datetime, then: datetime) -> str:
    """The time between, in one unit: `4 min`."""
    seconds = max(0, int((now - then).total_seconds()))
    if seconds < FEW * MINUTE:
        return f"{seconds} s"
    if seconds < FEW * HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < FEW * DAY:
        return f"{seconds // HOUR} h"
    return f"{seconds // DAY} days"
