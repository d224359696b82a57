"""Which alerts rules watch, and what was heard of those, among the views.

Of alerts that no rule watches nothing is kept. Losing all this costs time: Alertmanager repeats
what fires, and until then rules hold what is.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.store import StoreError
from bot.store.keys import ALERTS, WATCHES
from bot.store.views import ViewKind, Views, encode
from planners.model.alerts import Alert, Alerts
from planners.model.signals import Sample, SignalKey

ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Watch:
    """The names of the alerts that rules of an application watch."""

    names: tuple[str, ...] = ()


HEARD = ViewKind(ALERTS, Alerts)
WATCHED = ViewKind(WATCHES, Watch)


def watch(views: Views, application: str, names: Iterable[str]) -> None:
    """Keep alerts of these names from now on, and wake the application when they change."""
    wanted = Watch(tuple(sorted(set(names))))
    if (views.load(WATCHED, application) or Watch()) != wanted:
        views.save(WATCHED, application, wanted)


def hear(views: Views, told: Sequence[Alert], now: datetime) -> frozenset[str]:
    """Keep what was told of watched alerts; the applications for which one began or ended.

    Raises:
        StoreError: others wrote the same alerts all the time.
    """
    watches = views.load_all(WATCHED)
    watched = {name for each in watches.values() for name in each.names}
    changed = set()
    for name in sorted({each.name for each in told} & watched):
        if _hear(views, name, [each for each in told if each.name == name], now):
            changed.add(name)
    return frozenset(app for app, each in watches.items() if changed & set(each.names))


def _hear(views: Views, name: str, told: Sequence[Alert], now: datetime) -> bool:
    key = ALERTS + name
    for _ in range(ATTEMPTS):
        before = views.get(key)
        known = views.load(HEARD, name) or Alerts()
        after = known.hear(told, now)
        if views.swap(key, before, json.loads(encode(after))):
            return known.firing != after.firing or not known.heard
    raise StoreError(f"alert {name} is written by others all the time")


def read(views: Views, keys: Iterable[SignalKey]) -> dict[SignalKey, Sample]:
    """What is known of alerts."""
    wanted = list(keys)
    known = views.load_each(HEARD, {key.name for key in wanted})
    samples = {key: known[key.name].sample(key.cluster) for key in wanted if key.name in known}
    return {key: sample for key, sample in samples.items() if sample is not None}
