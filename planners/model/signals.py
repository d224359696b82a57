"""Signals: what rules watch, as bounded series of samples. Written by `bot.signals`.

A signal is named by a key. Sources append what they measured; rules read series and never ask what
a signal is made of. No data is no data: a missing value is None, never 0.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MOST_SAMPLES = 256
"""Of each signal the newest are kept."""

LARGEST_SKEW = timedelta(seconds=30)
"""How far a sample may be of later than now: clocks differ by that much. Others are refused."""


class SignalKind(StrEnum):
    """Where a signal comes from, which says what its values mean.

    ALERT: 1 while it fires, 0 once it is resolved. METRIC: a number that a query returns. DEMAND:
    what a cluster reports of demand, such as requests per second. LOAD: the utilisation of a
    component on a cluster, 1.0 being full. SCHEDULE: 1 while it is open, else 0.
    """

    ALERT = "alert"
    METRIC = "metric"
    DEMAND = "demand"
    LOAD = "load"
    SCHEDULE = "schedule"


MAX_AGES: Mapping[SignalKind, timedelta] = {
    SignalKind.ALERT: timedelta(hours=5),
    SignalKind.METRIC: timedelta(minutes=5),
    SignalKind.DEMAND: timedelta(minutes=15),
    SignalKind.LOAD: timedelta(minutes=15),
    SignalKind.SCHEDULE: timedelta(minutes=5),
}
"""How old the newest sample may be, and how long a gap, where a rule does not say.

Alertmanager repeats a firing alert after four hours (`repeat_interval`). Clusters report facts
every few minutes, the others are read on the clock.
"""


@dataclass(frozen=True, slots=True, order=True)
class SignalKey:
    """Names a signal: `demand/web` as `cluster` reports it, or one of no cluster.

    The name of an ALERT is its `alertname`, of a METRIC that of a query in a policy, of DEMAND and
    LOAD that of a component or place; that of a SCHEDULE is the schedule, as `Schedule` prints it.
    """

    kind: SignalKind
    name: str
    cluster: str = ""

    def __str__(self) -> str:
        where = f" on {self.cluster}" if self.cluster else ""
        return f"{self.kind} {self.name}{where}"


@dataclass(frozen=True, slots=True)
class Sample:
    """A value at a time; None where there was no data, such as NaN or an empty result."""

    value: float | None
    at: datetime

    @classmethod
    def of(cls, value: float | None, at: datetime) -> "Sample":
        """A sample; what is not a finite number is no data."""
        return cls(value if value is not None and math.isfinite(value) else None, at)


@dataclass(frozen=True, slots=True)
class Series:
    """The newest samples of one signal, the oldest first, no two of the same time."""

    samples: tuple[Sample, ...] = ()

    def add(self, samples: Iterable[Sample], now: datetime) -> "Series":
        """The series with more samples, in any order.

        Samples of the future are refused. Of two of the same time the first counts, so that a
        repeat changes nothing.
        """
        found = {each.at: each for each in self.samples}
        for each in samples:
            if each.at <= now + LARGEST_SKEW:
                found.setdefault(each.at, Sample.of(each.value, each.at))
        ordered = sorted(found.values(), key=lambda each: each.at)
        return Series(tuple(ordered[-MOST_SAMPLES:]))

    def has_since(self, time: datetime) -> bool:
        """Whether a sample is younger than a time, with or without a value."""
        return bool(self.samples) and self.samples[-1].at > time

    def newest(self, now: datetime, max_age: timedelta) -> Sample | None:
        """The newest sample, if it has a value and is neither too old nor of the future."""
        known = [each for each in self.samples if each.at <= now + LARGEST_SKEW]
        if not known or known[-1].value is None or now - known[-1].at > max_age:
            return None
        return known[-1]


Signals = Mapping[SignalKey, Series]
"""The series of each signal that is known."""
