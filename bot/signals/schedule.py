"""Recurring periods: open or closed at each minute, known from the clock alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.signals import Samples, Source, World
from planners.model.schedule import MINUTE, Schedule
from planners.model.signals import Sample, SignalKey, SignalKind

HISTORY = timedelta(minutes=10)
"""How far back samples are made, so that a service that was away sees no gap of that length."""


@dataclass(frozen=True, slots=True)
class ScheduleSource:
    """Samples each minute, the last one being of now."""

    name: str = "schedule"
    summary: str = "whether a recurring period is open: a cron expression, a duration, a time zone"
    kind: SignalKind = SignalKind.SCHEDULE
    every: timedelta = timedelta()

    async def read(self, wanted: Sequence[SignalKey], world: World) -> Samples:
        """1 while a period is open, else 0."""
        minute = world.now.replace(second=0, microsecond=0)
        times = {minute - number * MINUTE for number in range(HISTORY // MINUTE)} | {world.now}
        found = {}
        for key in wanted:
            schedule = Schedule.parse(key.name)
            found[key] = tuple(Sample(float(schedule.is_open(at)), at) for at in sorted(times))
        return found


SOURCE: Source = ScheduleSource()
