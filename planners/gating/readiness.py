"""What a unit still lacks before others may count on it. Called by `waits` and `gate`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from planners.model import DependencyCondition, Readiness, Unit
from planners.model.gates import NotReadyReason, PendingUnit
from planners.model.snapshot import Observation, Snapshot

DEFAULT_MAX_AGE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class ReadinessRequirement:
    """What somebody wants of a unit; without `timeout` the wait has no deadline."""

    when: DependencyCondition
    soak: timedelta = timedelta()
    timeout: timedelta | None = None


def max_report_age(snapshot: Snapshot) -> timedelta:
    """How old a report may be: the strictest policy, else fifteen minutes."""
    ages = [each.report_max_age for each in snapshot.policies if each.report_max_age]
    return min(ages, default=DEFAULT_MAX_AGE)


def stale_at(snapshot: Snapshot, seen: Observation) -> datetime:
    """From when on an observation says nothing any more."""
    return seen.at + max_report_age(snapshot)


def not_ready(
    snapshot: Snapshot, unit: Unit, wanted: ReadinessRequirement, unmerged: Mapping[Unit, str]
) -> PendingUnit | None:
    """What the unit lacks, or None when it is as wanted.

    `unmerged` maps each unit with a change to come to the name of its wave. A report counts only
    for a revision that contains the unit's last change, and only while it is young enough: silence
    is never readiness. A cluster that has left the fleet is nobody's to wait for.
    """
    if unit.cluster in snapshot.departed_clusters:
        return None
    if unit in unmerged:
        return PendingUnit(unit, NotReadyReason.MERGE, unmerged[unit])
    pending = _observe(snapshot, unit, wanted)
    change = snapshot.base.changes.get(unit)
    if pending is None or wanted.timeout is None or change is None:
        return pending
    deadline = change.at + wanted.timeout
    if snapshot.now >= deadline:
        return PendingUnit(unit, pending.reason, pending.message, pending.until, overdue=True)
    until = min(deadline, pending.until) if pending.until else deadline
    return PendingUnit(unit, pending.reason, pending.message, until)


def _observe(snapshot: Snapshot, unit: Unit, wanted: ReadinessRequirement) -> PendingUnit | None:
    seen = snapshot.observations.get(unit)
    if seen is None:
        return PendingUnit(unit, NotReadyReason.REPORT)
    if not seen.current:
        return PendingUnit(
            unit, NotReadyReason.REPORT, f"last report is for older revision {seen.revision[:8]}"
        )
    if snapshot.now >= stale_at(snapshot, seen):
        return PendingUnit(unit, NotReadyReason.FRESH_REPORT, f"silent since {seen.at:%H:%M:%S}")
    match seen.readiness:
        case Readiness.READY:
            settled = seen.since + wanted.soak
            if snapshot.now >= settled or wanted.when is DependencyCondition.APPLIED:
                return None
            return PendingUnit(unit, NotReadyReason.SOAK, until=settled)
        case Readiness.PROGRESSING:
            if wanted.when is DependencyCondition.APPLIED:
                return None
            return PendingUnit(unit, NotReadyReason.PROGRESS, seen.message)
        case Readiness.STALLED:
            return PendingUnit(unit, NotReadyReason.REPAIR, seen.message)
        case Readiness.UNKNOWN:
            return PendingUnit(unit, NotReadyReason.REPORT, seen.message)
