"""Alerts of an Alertmanager, which tells them itself: what fires counts 1, what is resolved 0."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.signals import Samples, Source, World
from planners.model.signals import SignalKey, SignalKind


@dataclass(frozen=True, slots=True)
class AlertSource:
    """Has what was heard; it asks nobody."""

    name: str = "alert"
    summary: str = "whether an alert fires, as an Alertmanager says"
    kind: SignalKind = SignalKind.ALERT
    every: timedelta = timedelta()

    async def read(self, wanted: Sequence[SignalKey], world: World) -> Samples:
        """One sample of each alert that was heard of."""
        known = {key: world.alerts.get(key) for key in wanted}
        return {key: (sample,) for key, sample in known.items() if sample is not None}


SOURCE: Source = AlertSource()
