"""Schedules: recurring periods that begin by a cron expression in a time zone.

The expression has five fields as in crontab(5): minute, hour, day of the month, month and day of
the week (0 and 7 are Sunday, names are allowed). If both days are restricted, one of them suffices.
A local time that does not exist when clocks go forward begins nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
LONGEST: Final = timedelta(days=7)
"""How long a period may be: whether one is open is found by looking back that far."""

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_PART = re.compile(r"(\*|[0-9a-z]{1,3}(?:-[0-9a-z]{1,3})?)(?:/([0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        """A number or a name; names count from `low`."""
        if text in self.names:
            return self.names.index(text) + self.low
        if not text.isdecimal() or not self.low <= int(text) <= self.high:
            raise ValueError(
                f"invalid {self.name} {text!r} in a cron expression; expected {self.low} to "
                f"{self.high}"
            )
        return int(text)

    def values(self, text: str) -> frozenset[int]:
        """The values that a list of ranges and steps names."""
        return frozenset(each for part in text.split(",") for each in self._part(part))

    def _part(self, text: str) -> Iterator[int]:
        match = _PART.fullmatch(text)
        if match is None:
            message = f"invalid {self.name} {text!r} in a cron expression"
            raise ValueError(f"{message}; expected e.g. *, 5, 1-5 or */15")
        span, step = match[1], int(match[2] or 1)
        first, dash, last = span.partition("-")
        if span == "*":
            begin, end = self.low, self.high
        else:
            begin = self.number(first)
            end = self.number(last) if dash else self.high if match[2] else begin
        if end < begin or step < 1:
            raise ValueError(f"invalid {self.name} {text!r} in a cron expression: it is empty")
        yield from range(begin, end + 1, step)


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, tuple(_MONTHS)),
    _Field("day of the week", 0, 7, tuple(_DAYS)),
)


@dataclass(frozen=True)
class Schedule:
    """Periods of `duration` that begin by `cron`, a crontab expression, in `timezone`."""

    cron: str
    duration: timedelta
    timezone: str = "UTC"

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """The schedule that `str` printed."""
        cron, _, rest = text.partition(" for ")
        seconds, _, timezone = rest.partition("s in ")
        return cls(cron, timedelta(seconds=int(seconds)), timezone)

    def __str__(self) -> str:
        return f"{self.cron} for {int(self.duration.total_seconds())}s in {self.timezone}"

    @cached_property
    def _fields(self) -> tuple[frozenset[int], ...]:
        texts = self.cron.lower().split()
        if len(texts) != len(_FIELDS):
            raise ValueError(
                f"invalid cron expression {self.cron!r}; expected five fields, e.g. 0 8 * * mon-fri"
            )
        return tuple(each.values(text) for each, text in zip(_FIELDS, texts, strict=True))

    def check(self) -> None:
        """Raises ValueError: the expression is invalid, or the duration too short or too long."""
        _ = self._fields
        if not MINUTE <= self.duration <= LONGEST:
            raise ValueError("a schedule opens for at least 1m and at most 168h (seven days)")

    def is_open(self, now: datetime) -> bool:
        """Whether a period began within the duration before `now`."""
        zone, minute = ZoneInfo(self.timezone), now.astimezone(UTC).replace(second=0, microsecond=0)
        while now - minute < self.duration:
            if self._begins(minute.astimezone(zone)):
                return True
            minute -= MINUTE
        return False

    def _begins(self, local: datetime) -> bool:
        minutes, hours, days, months, weekdays = self._fields
        if local.minute not in minutes or local.hour not in hours or local.month not in months:
            return False
        weekday = local.isoweekday() % 7
        in_week = weekday in weekdays or (weekday == 0 and 7 in weekdays)  # noqa: PLR2004 - cron
        in_month = local.day in days
        _, _, day_text, _, week_text = self.cron.split()
        if day_text.startswith("*") or week_text.startswith("*"):
            return in_week and in_month
        return in_week or in_month
