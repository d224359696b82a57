"""Clusters that are away: a rollout with `offline: catchUp` does not wait for them.

What is merged for them stays merged; they apply it when they are back.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from planners.model import OfflineMode, Unit
from planners.model.gates import NotReadyReason, PendingUnit
from planners.model.snapshot import Snapshot


def last_reports(snapshot: Snapshot) -> dict[str, datetime]:
    """When each cluster last reported anything at all; those that never did are not in it."""
    latest = dict(snapshot.last_reports)
    heard = [(unit.cluster, each.at) for unit, each in snapshot.observations.items()]
    heard += [(name, each.at) for name, each in snapshot.facts.items()]
    for cluster, at in heard:
        latest[cluster] = max(at, latest.get(cluster, at))
    return latest


def offline_clusters(snapshot: Snapshot, units: Iterable[Unit]) -> dict[str, datetime]:
    """The clusters of these units from which nothing came within the maximum report age.

    Each with the time of its last report. Empty unless the rollout says `offline: catchUp`, and
    unless most of the clusters report: otherwise it could be the service that hears nothing. A
    cluster that never reported is not offline, since nobody knows whether it was ever connected.
    """
    if snapshot.application.offline is not OfflineMode.CATCH_UP:
        return {}
    used = {unit.cluster for unit in units} - snapshot.departed_clusters
    latest = last_reports(snapshot)
    away = {
        name: latest[name]
        for name in sorted(used)
        if name in latest and latest[name] <= snapshot.now - snapshot.max_report_age(name)
    }
    return away if len(away) * 2 < len(used) else {}


def is_away(pending: PendingUnit) -> bool:
    """Whether the unit is not ready because its cluster is offline."""
    return pending.reason is NotReadyReason.OFFLINE


def without_away(
    units: Sequence[Unit], pending: Sequence[PendingUnit]
) -> tuple[Sequence[Unit], Sequence[PendingUnit]]:
    """The units that count, and which of them are pending: all if every one of them is away."""
    away = {each.unit for each in pending if is_away(each)}
    if not away or len(away) == len(units):
        return units, pending
    here = tuple(unit for unit in units if unit not in away)
    return here, tuple(each for each in pending if each.unit not in away)
