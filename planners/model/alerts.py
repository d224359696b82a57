"""What is known of alerts: values made of what an Alertmanager says.

Source: Prometheus documentation, "Alerting: configuration", `webhook_config`. Alertmanager signs
nothing, repeats what fires each `repeat_interval`, and sends again what was not answered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from planners.model.signals import MAX_AGES, Sample, SignalKind

MOST_ALERTS = 1_000
"""Of each name the newest are kept."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as told: `fingerprint` stands for its labels, `began` for this activation of it."""

    name: str
    fingerprint: str
    cluster: str
    began: datetime
    fires: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard last of the alert with a fingerprint, and when."""

    cluster: str
    began: datetime
    fires: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Alerts:
    """What was heard of all alerts of one name, by fingerprint."""

    heard: Mapping[str, Heard] = field(default_factory=dict)

    def hear(self, told: Iterable[Alert], now: datetime) -> "Alerts":
        """With what is told now, in any order and more than once.

        An activation that was resolved does not fire again: whoever says so repeats an old word.
        """
        oldest = now - MAX_AGES[SignalKind.ALERT]
        found = {name: each for name, each in self.heard.items() if each.at >= oldest}
        for each in told:
            new = Heard(each.cluster, min(each.began, now), each.fires, now)
            known = found.get(each.fingerprint)
            if known is None or _is_newer(new, known):
                found[each.fingerprint] = new
        newest = sorted(found.items(), key=lambda each: (each[1].at, each[0]), reverse=True)
        return Alerts(dict(newest[:MOST_ALERTS]))

    def sample(self, cluster: str) -> Sample | None:
        """Whether one fires on a cluster, or anywhere; None if nothing is known of any."""
        known = [each for each in self.heard.values() if cluster in {"", each.cluster}]
        if not known:
            return None
        fires = any(each.fires for each in known)
        return Sample(float(fires), max(each.at for each in known))

    @property
    def firing(self) -> frozenset[tuple[str, str]]:
        """The fingerprints and clusters of those that fire."""
        return frozenset((name, each.cluster) for name, each in self.heard.items() if each.fires)


def _is_newer(new: Heard, known: Heard) -> bool:
    if new.began == known.began:
        return known.fires or not new.fires
    return new.began > known.began
