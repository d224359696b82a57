"""What clusters reported lately, for the sources that are made of it."""

from collections.abc import Callable, Mapping, Sequence

from bot.signals import Samples, World
from planners.model.signals import MAX_AGES, Sample, SignalKey
from planners.model.snapshot import ReportedFacts

Values = Callable[[ReportedFacts], Mapping[str, float]]
Combined = Callable[[Sequence[float]], float]


def samples(wanted: Sequence[SignalKey], world: World, values: Values, whole: Combined) -> Samples:
    """One sample of each signal that a fresh report has; without a cluster of all of them."""
    found: dict[SignalKey, tuple[Sample, ...]] = {}
    for key in wanted:
        known = [
            each
            for name, each in world.facts.items()
            if key.name in values(each)
            and key.cluster in {"", name}
            and world.now - each.at <= MAX_AGES[key.kind]
        ]
        if known:
            combined = whole([values(each)[key.name] for each in known])
            found[key] = (Sample.of(combined, max(each.at for each in known)),)
    return found
