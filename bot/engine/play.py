"""Plays series of signals against an application and a fleet, as the service would see them.

Every merge request counts as merged, and what it brings as ready, one step later.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.engine.propose import Draft, draft
from planners.inputs import planning_input
from planners.model import PlanProblem, Readiness, Unit
from planners.model.fleet_files import FleetFiles
from planners.model.rules import States
from planners.model.schedule import Schedule
from planners.model.signals import Sample, Series, SignalKey, SignalKind
from planners.model.snapshot import DeployBase, Observation, Snapshot
from planners.rules.decide import decide, watched

Values = Mapping[SignalKey, float | None]


@dataclass(frozen=True, slots=True)
class Frame:
    """One step: the values, the states of all rules, and the units that should run after it."""

    at: datetime
    values: Values
    states: States
    units: tuple[Unit, ...]
    problems: tuple[PlanProblem, ...] = ()
    warnings: tuple[PlanProblem, ...] = ()


def play(snapshot: Snapshot, steps: Iterator[tuple[datetime, Values]]) -> Iterator[Frame]:
    """Advance the rules at each step; plan where that decides something."""
    drafted: Draft | None = None
    for at, values in steps:
        signals = dict(snapshot.signals)
        for key, value in (*values.items(), *_schedules(snapshot, at)):
            signals[key] = signals.get(key, Series()).add([Sample(value, at)], at)
        before = snapshot.decisions
        snapshot = decide(replace(snapshot, now=at, signals=signals))
        if drafted is None or snapshot.decisions != before:
            drafted = draft(planning_input(snapshot))
        units = drafted.plan.units
        yield Frame(at, values, snapshot.rule_states, units, drafted.problems, drafted.warnings)
        snapshot = _merged(snapshot, drafted)


def _schedules(snapshot: Snapshot, at: datetime) -> Iterator[tuple[SignalKey, float]]:
    """Schedules need no recording."""
    for key in watched(snapshot):
        if key.kind is SignalKind.SCHEDULE:
            yield key, float(Schedule.parse(key.name).is_open(at))


def _merged(snapshot: Snapshot, drafted: Draft) -> Snapshot:
    if drafted.problems:
        return snapshot
    units, now = drafted.plan.units, snapshot.now
    revision = snapshot.base.revision
    ready = Observation(Readiness.READY, "", revision.sha, now, now, current=True)
    later = {unit: replace(ready, at=now + timedelta(days=1)) for unit in units}
    base = DeployBase(
        revision, FleetFiles.of({unit: {} for unit in units}), records=drafted.plan.records
    )
    return replace(snapshot, base=base, observations=later)
