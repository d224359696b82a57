"""The utilisation of components, as clusters report it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter

from bot.signals import Samples, Source, World
from bot.signals._reported import samples
from planners.model.signals import SignalKey, SignalKind


@dataclass(frozen=True, slots=True)
class LoadSource:
    """What the newest report of a cluster says; without a cluster the mean of all fresh ones."""

    name: str = "load"
    summary: str = "the utilisation of a component that clusters report; 1.0 is full"
    kind: SignalKind = SignalKind.LOAD
    every: timedelta = timedelta()

    async def read(self, wanted: Sequence[SignalKey], world: World) -> Samples:
        """One sample of each signal that is reported."""
        return samples(wanted, world, attrgetter("load"), _mean)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


SOURCE: Source = LoadSource()
