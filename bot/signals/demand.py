"""Demand that clusters report, such as the requests per second that reach them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter

from bot.signals import Samples, Source, World
from bot.signals._reported import samples
from planners.model.signals import SignalKey, SignalKind


@dataclass(frozen=True, slots=True)
class DemandSource:
    """What the newest report of a cluster says; without a cluster the sum of all that are fresh."""

    name: str = "demand"
    summary: str = "the demand that clusters report, by component or place"
    kind: SignalKind = SignalKind.DEMAND
    every: timedelta = timedelta()

    async def read(self, wanted: Sequence[SignalKey], world: World) -> Samples:
        """One sample of each signal that is reported."""
        return samples(wanted, world, attrgetter("demand"), sum)


SOURCE: Source = DemandSource()
