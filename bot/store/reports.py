"""What clusters said, one row for each cluster, component and revision.

Kept by revision: a late word about an old one must not hide the news about a newer one.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.store.database import Database, moment, seconds
from bot.store.tables import reports
from plugins import StatusReport

KEPT_REVISIONS = 20


@dataclass(frozen=True, slots=True)
class ReportRow:
    """The last word about one revision; `reported_at` is the cluster's time, the others ours."""

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
        """Keep a report; False when the cluster said something newer of that revision before."""
        key = {
            "cluster": report.unit.cluster,
            "application": report.application,
            "component": report.unit.component,
            "revision": report.revision,
        }
        values = {
            "readiness": report.readiness.value,
            "message": report.message,
            "reported_at": seconds(report.at),
            "received_at": seconds(received),
        }
        row = reports.c
        same = [row[name] == value for name, value in key.items()]
        with self._database.write() as connection:
            known = connection.execute(sa.select(reports).where(*same).with_for_update()).first()
            if known is None:
                insert = self._database.insert(reports)
                connection.execute(
                    insert.values(**key, **values, since=seconds(received)).on_conflict_do_nothing()
                )
                self._prune(connection, key)
                return True
            if known.reported_at >= values["reported_at"]:
                return False
            since = known.since if known.readiness == report.readiness else seconds(received)
            connection.execute(sa.update(reports).where(*same).values(**values, since=since))
            return True

    def _prune(self, connection: sa.Connection, key: dict[str, str]) -> None:
        """Keep the newest revisions of the unit."""
        row = reports.c
        unit = [row[name] == key[name] for name in ("cluster", "application", "component")]
        kept = (
            sa.select(row.revision)
            .where(*unit)
            .order_by(row.received_at.desc())
            .limit(KEPT_REVISIONS)
        )
        connection.execute(sa.delete(reports).where(*unit, row.revision.not_in(kept)))

    def of_application(self, application: str) -> tuple[ReportRow, ...]:
        """Everything kept about an application."""
        query = sa.select(reports).where(reports.c.application == application)
        with self._database.engine.connect() as connection:
            return tuple(
                ReportRow(
                    row.cluster,
                    row.component,
                    row.revision,
                    row.readiness,
                    row.message,
                    moment(row.reported_at),
                    moment(row.received_at),
                    moment(row.since),
                )
                for row in connection.execute(query)
            )
