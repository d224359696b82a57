"""Joins reports of clusters with Git history: which report is about the revision that counts."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from bot.git import Mirror
from bot.store.reports import ReportRow
from planners.model import Readiness, Unit
from planners.model.snapshot import Change, ClusterFailure, Observation


def observe(
    mirror: Mirror, changes: Mapping[Unit, Change], rows: Iterable[ReportRow]
) -> dict[Unit, Observation]:
    """For each unit its cluster's newest report of a revision that contains its last change.

    A report without a revision is about the newest change, if it came after that. Where there is
    none, the newest report of any revision, marked as not current.
    """
    by_unit: dict[Unit, list[ReportRow]] = {}
    for row in rows:
        by_unit.setdefault(Unit(row.component, row.cluster), []).append(row)
    contains: dict[tuple[str, str], bool] = {}
    found: dict[Unit, Observation] = {}
    for unit, reports in by_unit.items():
        change = changes.get(unit)
        if change is None:
            continue
        newest_first = sorted(reports, key=_order, reverse=True)
        current = []
        for row in newest_first:
            key = (row.revision, change.sha)
            if key not in contains:
                contains[key] = bool(row.revision) and mirror.contains(row.revision, change.sha)
            if contains[key] or (not row.revision and row.counted_at >= change.at):
                current.append(row)
        found[unit] = _observation(current or newest_first, current=bool(current))
    return found


def failures(rows: Iterable[ReportRow]) -> dict[str, ClusterFailure]:
    """What clusters say is wrong with them as a whole; of several parts that fail, the newest."""
    failing = (row for row in rows if row.readiness == Readiness.STALLED)
    return {
        row.cluster: ClusterFailure(row.message, row.counted_at)
        for row in sorted(failing, key=lambda row: row.counted_at)
    }


def _order(row: ReportRow) -> tuple[datetime, bool, datetime]:
    """By second, then arrival; within a second PROGRESSING is before what is final."""
    return row.reported_at, row.readiness != Readiness.PROGRESSING, row.received_at


def _observation(newest_first: list[ReportRow], *, current: bool) -> Observation:
    """The newest report; its readiness began where the unbroken run of equal ones began."""
    newest = newest_first[0]
    since = newest.since
    for row in newest_first:
        if row.readiness != newest.readiness:
            break
        since = min(since, row.since)
    return Observation(
        readiness=Readiness(newest.readiness),
        message=newest.message,
        revision=newest.revision,
        at=newest.counted_at,
        since=since,
        current=current,
        delay=newest.delay,
    )
