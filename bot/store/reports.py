"""What clusters said, one row for each cluster, application, component and revision.

Kept by revision: a late word about an old one must not hide the news about a newer one. `web`
records, `gather` reads.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.store.database import Database, clean, moment, seconds
from bot.store.tables import reports, width
from plugins import StatusReport

KEPT_REVISIONS = 20
KEY = ("application", "cluster", "component", "revision")


@dataclass(frozen=True, slots=True)
class ReportRow:
    """The last word about one revision.

    `reported_at` is the cluster's time, the others are ours. `since` is when the first of an
    unbroken series of reports of this readiness came in.
    """

    cluster: str
    component: str
    revision: str
    readiness: str
    message: str
    reported_at: datetime
    received_at: datetime
    since: datetime


class Reports:
    """Reports by application."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, report: StatusReport, received: datetime) -> bool:
        """Keep a report, if it is newer than what this cluster said of this revision before.

        False, and nothing changed, when it is not (late, or sent twice), or when it names what is
        longer than any name of ours.
        """
        key = {
            "application": report.application,
            "cluster": report.unit.cluster,
            "component": report.unit.component,
            "revision": report.revision,
        }
        if any(len(value) > width(reports.c[name]) for name, value in key.items()):
            return False
        with self._database.write() as connection:
            upsert = self._upsert(key, report, seconds(received))
            kept = connection.scalar(upsert.returning(reports.c.revision)) is not None
            if kept:
                self._prune(connection, key)
            return kept

    def _upsert(self, key: dict[str, str], report: StatusReport, received: float) -> Any:
        """One statement, so that of two reports at once the newer stays, whichever comes first."""
        insert = self._database.insert(reports).values(
            **key,
            readiness=report.readiness.value,
            message=clean(report.message),
            reported_at=seconds(report.at),
            received_at=received,
            since=received,
        )
        old, new = reports.c, insert.excluded
        unbroken = old.readiness == new.readiness
        changes = {
            name: new[name] for name in ("readiness", "message", "reported_at", "received_at")
        }
        return insert.on_conflict_do_update(
            index_elements=KEY,
            set_={**changes, "since": sa.case((unbroken, old.since), else_=new.since)},
            where=new.reported_at > old.reported_at,
        )

    def _prune(self, connection: sa.Connection, key: dict[str, str]) -> None:
        """Keep the revisions of the unit that were heard of last."""
        row = reports.c
        unit = [row[name] == key[name] for name in KEY if name != "revision"]
        latest = sa.select(row.revision).where(*unit).order_by(row.received_at.desc())
        # Never the one that was recorded now: others may have been received in the same instant.
        old = latest.where(row.revision != key["revision"]).offset(KEPT_REVISIONS - 1)
        connection.execute(sa.delete(reports).where(*unit, row.revision.in_(old)))

    def of_application(self, application: str) -> tuple[ReportRow, ...]:
        """Everything kept about an application, by cluster, component and revision."""
        row = reports.c
        query = sa.select(reports).where(row.application == application)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(row.cluster, row.component, row.revision))
            return tuple(
                ReportRow(
                    each.cluster,
                    each.component,
                    each.revision,
                    each.readiness,
                    each.message,
                    moment(each.reported_at),
                    moment(each.received_at),
                    moment(each.since),
                )
                for each in found
            )
