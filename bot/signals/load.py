"""The utilisation of components, as clusters report it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.signals import Samples, Source, World
from planners.model.signals import MAX_AGES, Sample, SignalKey, SignalKind


@dataclass(frozen=True, slots=True)
class LoadSource:
    """What the newest report of a cluster says; without a cluster the mean of all fresh ones."""

    name: str = "load"
    summary: str = "the utilisation of a component that clusters report; 1.0 is full"
    kind: SignalKind = SignalKind.LOAD
    every: timedelta = timedelta()

    async def read(self, wanted: Sequence[SignalKey], world: World) -> Samples:
        """One sample of each signal that is reported."""
        found: dict[SignalKey, tuple[Sample, ...]] = {}
        for key in wanted:
            known = {
                name: each
                for name, each in world.facts.items()
                if key.name in each.load
                and key.cluster in {"", name}
                and world.now - each.at <= MAX_AGES[self.kind]
            }
            if known:
                mean = sum(each.load[key.name] for each in known.values()) / len(known)
                found[key] = (Sample.of(mean, max(each.at for each in known.values())),)
        return found


SOURCE: Source = LoadSource()
