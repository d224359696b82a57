"""The templates: they escape everything, and fail on a name that they do not know."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.report.summary_view import RUNNING, UNMERGED
from bot.web.ui.paging import address
from bot.wording.markdown import listing, plural

HERE = Path(__file__).parent
MINUTE, HOUR, DAY = 60, 3600, 86_400
FEW = 2
THINNEST = 1.5
GOOD_FIRST = (*reversed(RUNNING), UNMERGED)


def environment() -> Environment:
    """An environment with what the pages' templates use."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "moment": moment,
        "clock": clock,
        "listing": listing,
        "readiness": readiness,
    }
    made.globals |= {"address": address, "ago": ago, "parts": parts, "plural": plural}
    return made


def parts(counts: Mapping[str, int]) -> list[tuple[str, float, float]]:
    """Each state that there is, with its place and width in a bar of 100; none is too thin to see.

    The good stands first, so that bars below one another compare; what is to come stands last.
    """
    there = [(word, counts[word]) for word in GOOD_FIRST if counts.get(word)]
    total = sum(count for _, count in there)
    widths = [(word, max(100 * count / total, THINNEST)) for word, count in there]
    scale = 100 / sum(width for _, width in widths) if widths else 1
    found, x = [], 0.0
    for word, width in widths:
        found.append((word, round(x, 2), round(width * scale, 2)))
        x += width * scale
    return found


def readiness(word: str) -> str:
    """A state of components as a reader is told it: `progressing`, `not merged yet`."""
    return "not merged yet" if word == UNMERGED else word.lower()


def moment(value: str | datetime) -> str:
    """`2026-11-20 12:00:03`, in UTC."""
    return f"{_read(value):%Y-%m-%d %H:%M:%S}"


def clock(value: str | datetime) -> str:
    """`12:00:03`, in UTC."""
    return f"{_read(value):%H:%M:%S}"


def ago(now: datetime, then: str | datetime) -> str:
    """How long it is since, in one unit: `4 min`."""
    seconds = max(0, int((now - _read(then)).total_seconds()))
    if seconds < FEW * MINUTE:
        return f"{seconds} s"
    if seconds < FEW * HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < FEW * DAY:
        return f"{seconds // HOUR} h"
    return f"{seconds // DAY} days"


def _read(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
