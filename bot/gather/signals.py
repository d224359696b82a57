"""The newest samples of each signal, among the views: losing them costs time, and decides nothing.

A rule that has no samples holds what is.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.store.keys import SIGNALS
from bot.store.views import Views
from planners.model.signals import Sample, Series, SignalKey, Signals

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def view_key(key: SignalKey) -> str:
    """Where the series of a signal is kept."""
    return f"{SIGNALS}{key.kind}/{key.cluster}/{key.name}"


def read(views: Views, keys: Iterable[SignalKey]) -> dict[SignalKey, Series]:
    """The series of those of the signals that are known."""
    names = {view_key(key): key for key in keys}
    return {names[name]: _series(value) for name, value in views.get_each(names).items()}


def append(
    views: Views, samples: Mapping[SignalKey, Iterable[Sample]], now: datetime
) -> frozenset[SignalKey]:
    """Keep samples, in any order and more than once; the signals whose series changed."""
    known = read(views, samples)
    changed = {}
    for key, new in samples.items():
        before = known.get(key, Series())
        after = before.add(new, now)
        if after != before:
            changed[key] = after
    views.put_all({view_key(key): _value(series) for key, series in changed.items()})
    return frozenset(changed)


def with_samples(
    signals: Signals, samples: Mapping[SignalKey, Iterable[Sample]], now: datetime
) -> dict[SignalKey, Series]:
    """Signals with more samples."""
    added = {key: signals.get(key, Series()).add(new, now) for key, new in samples.items()}
    return {**signals, **added}


def _value(series: Series) -> dict[str, Any]:
    return {"samples": [[(each.at - EPOCH).total_seconds(), each.value] for each in series.samples]}


def _series(value: dict[str, Any]) -> Series:
    samples = value["samples"]
    return Series(tuple(Sample(value, EPOCH + timedelta(seconds=at)) for at, value in samples))
