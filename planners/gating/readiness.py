"""Whether a unit has reached the state that others wait for, and why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from planners.model import DependencyCondition, Readiness, Unit
from planners.model.gates import NotReadyReason, PendingUnit
from planners.model.snapshot import Observation, Snapshot


@dataclass(frozen=True, slots=True)
class ReadinessRequirement:
    """The state required of a unit; with `timeout` None there is no deadline."""

    when: DependencyCondition
    soak: timedelta = timedelta()
    timeout: timedelta | None = None


def stale_at(snapshot: Snapshot, unit: Unit, observation: Observation) -> datetime:
    """When an observation becomes too old to count."""
    return observation.at + snapshot.max_report_age(unit.cluster)


def not_ready(
    snapshot: Snapshot, unit: Unit, required: ReadinessRequirement, unmerged: Mapping[Unit, str]
) -> PendingUnit | None:
    """Why the unit does not meet the requirement; None if it does.

    `unmerged` maps each unit with an unmerged change to the name of its wave. A report counts only
    for a revision that contains the unit's last change, and only until its maximum age: a silent
    cluster is never ready. Clusters that have left the fleet are not waited for.
    """
    if unit.cluster in snapshot.departed_clusters:
        return None
    if unit in unmerged:
        return PendingUnit(unit, NotReadyReason.MERGE, unmerged[unit])
    pending = _observe(snapshot, unit, required)
    change = snapshot.base.changes.get(unit)
    if pending is None or required.timeout is None or change is None:
        return pending
    deadline = change.at + required.timeout
    if snapshot.now >= deadline:
        return PendingUnit(unit, pending.reason, pending.message, pending.until, overdue=True)
    until = min(deadline, pending.until) if pending.until else deadline
    return PendingUnit(unit, pending.reason, pending.message, until)


def _too_old(observation: Observation) -> str:
    if not observation.delay:
        return f"no report since {observation.at:%H:%M:%S}"
    minutes = observation.delay // timedelta(minutes=1)
    return f"the last report was sent {minutes} min after it was observed, or the clock is behind"


def _observe(snapshot: Snapshot, unit: Unit, required: ReadinessRequirement) -> PendingUnit | None:
    observation = snapshot.observations.get(unit)
    if observation is None:
        return PendingUnit(unit, NotReadyReason.REPORT, snapshot.cluster_failure(unit.cluster))
    if not observation.current:
        older = f"the last report is for the older revision {observation.revision[:8]}"
        message = snapshot.cluster_failure(unit.cluster) or older
        return PendingUnit(unit, NotReadyReason.REPORT, message)
    if snapshot.now >= stale_at(snapshot, unit, observation):
        return PendingUnit(unit, NotReadyReason.FRESH_REPORT, _too_old(observation))
    match observation.readiness:
        case Readiness.READY:
            soaked_at = observation.since + required.soak
            if snapshot.now >= soaked_at or required.when is DependencyCondition.APPLIED:
                return None
            return PendingUnit(unit, NotReadyReason.SOAK, until=soaked_at)
        case Readiness.PROGRESSING:
            if required.when is DependencyCondition.APPLIED:
                return None
            return PendingUnit(unit, NotReadyReason.PROGRESS, observation.message)
        case Readiness.STALLED:
            return PendingUnit(unit, NotReadyReason.REPAIR, observation.message)
        case Readiness.UNKNOWN:
            return PendingUnit(unit, NotReadyReason.REPORT, observation.message)
