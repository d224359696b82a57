"""Recorded or made-up series of signals, which `switchyard simulate` plays."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from bot.documents.types import Duration, Moment, Number, Part, invalid
from planners.model.signals import SignalKey, SignalKind
from renderers import yaml

MOST_STEPS, MOST_SIGNALS = 10_000, 200


class SignalSeriesError(Exception):
    """A file of series is invalid; the message says where."""


class SeriesFile(Part):
    """Series with one value for each step; null is a step without a value."""

    start: Moment
    step: Duration
    signals: Annotated[
        dict[str, Annotated[list[Number | None], Field(min_length=1, max_length=MOST_STEPS)]],
        Field(min_length=1, max_length=MOST_SIGNALS),
    ]

    @model_validator(mode="after")
    def _valid(self) -> "SeriesFile":
        if self.step <= timedelta():
            raise invalid("`step` must be longer than 0s")
        for name in self.signals:
            signal_key(name)
        return self


@dataclass(frozen=True, slots=True)
class SignalSeries:
    """The values of each signal at `start`, a `step` later, and so on."""

    start: datetime
    step: timedelta
    values: Mapping[SignalKey, tuple[float | None, ...]]

    @property
    def times(self) -> tuple[datetime, ...]:
        """The time of each step."""
        steps = max(map(len, self.values.values()))
        return tuple(self.start + number * self.step for number in range(steps))


def signal_key(name: str) -> SignalKey:
    """The signal of a name such as `load/web`, or `demand/web@edge-1` on one cluster."""
    kind, slash, rest = name.partition("/")
    known = [each.value for each in SignalKind if each is not SignalKind.SCHEDULE]
    if not slash or kind not in known or not rest:
        message = f"invalid signal {name!r}; expected e.g. load/web or demand/web@edge-1 "
        raise invalid(f"{message}({', '.join(known)})")
    signal, _, cluster = rest.partition("@")
    return SignalKey(SignalKind(kind), signal, cluster)


def read_series(content: bytes) -> SignalSeries:
    """The series of a YAML file. Raises SignalSeriesError."""
    try:
        (document,) = yaml.load_documents(content)
        found = SeriesFile.model_validate(document.value)
    except (yaml.YamlError, ValueError) as error:
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise SignalSeriesError(f"{where}: {first['msg']}") from error
        raise SignalSeriesError(str(error)) from error
    values = {signal_key(name): tuple(each) for name, each in sorted(found.signals.items())}
    return SignalSeries(found.start, found.step, values)
