"""Demand that clusters report, such as the requests per second that reach them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.signals import Samples, Source, World
from planners.model.signals import MAX_AGES, Sample, SignalKey, SignalKind


@dataclass(frozen=True, slots=True)
class DemandSource:
    """What the newest report of a cluster says; without a cluster the sum of all that are fresh."""

    name: str = "demand"
    summary: str = "the demand that clusters report, by component or place"
    kind: SignalKind = SignalKind.DEMAND
    every: timedelta = timedelta()

    async def read(self, wanted: Sequence[SignalKey], world: World) -> Samples:
        """One sample of each signal that is reported."""
        found: dict[SignalKey, tuple[Sample, ...]] = {}
        for key in wanted:
            known = {
                name: each
                for name, each in world.facts.items()
                if key.name in each.demand
                and key.cluster in {"", name}
                and world.now - each.at <= MAX_AGES[self.kind]
            }
            if known:
                total = sum(each.demand[key.name] for each in known.values())
                found[key] = (Sample.of(total, max(each.at for each in known.values())),)
        return found


SOURCE: Source = DemandSource()
