"""What agents say: one row per cluster, application, component and revision.

Stored by revision, so that a late word on an old revision does not hide one on a newer revision;
without a revision for words that name none, without application and component for those about a
whole cluster. `web` writes, `gather` reads.

Agents tell times in whole seconds, and words of one second arrive in any order (Flux: that health
checks passed may arrive after that the reconciliation finished). So words are ordered by second,
then arrival, and PROGRESSING never replaces a final readiness of the same second.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.store.database import Database, clean, moment, seconds
from bot.store.tables import reports, width
from planners.model import Readiness
from plugins import Word

MAX_REVISIONS = 20
MAX_COMPONENTS = 500
KEY = ("application", "cluster", "component", "revision")


@dataclass(frozen=True, slots=True)
class ReportRow:
    """The latest report on one revision.

    `reported_at` is in the cluster's clock, the other times are in ours. `since` is when the first
    report of an uninterrupted series with this readiness was received.
    """

    cluster: str
    component: str
    revision: str
    readiness: str
    message: str
    reported_at: datetime
    received_at: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of some words: how many were kept, and for which applications one was news."""

    count: int
    news: frozenset[str]


class Reports:
    """Reports by application."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_all(self, words: Iterable[Word], received: datetime) -> Recorded:
        """Store the words of one message."""
        kept = [word for word in words if self.record(word, received)]
        news = frozenset(word.application for word in kept if word.application)
        return Recorded(len(kept), news)

    def record(self, word: Word, received: datetime) -> bool:
        """Store a word if it is newer than the last one of this cluster on this revision.

        False, without a change, if it is late, has a name that is too long, or is about one
        component too many.
        """
        key = {
            "application": word.application,
            "cluster": word.cluster,
            "component": word.component,
            "revision": word.revision,
        }
        if any(len(value) > width(reports.c[name]) for name, value in key.items()):
            return False
        with self._database.write() as connection:
            if self._is_full(connection, key):
                return False
            upsert = self._upsert(key, word, seconds(received))
            kept = connection.scalar(upsert.returning(reports.c.revision)) is not None
            if kept:
                self._prune(connection, key)
            return kept

    def _upsert(self, key: dict[str, str], word: Word, received: float) -> Any:
        """One statement, so that the newer of two concurrent words wins."""
        insert = self._database.insert(reports).values(
            **key,
            readiness=word.readiness.value,
            message=clean(word.message),
            reported_at=float(math.floor(seconds(word.at))),
            received_at=received,
            since=received,
        )
        old, new = reports.c, insert.excluded
        unchanged = old.readiness == new.readiness
        changes = {
            name: new[name] for name in ("readiness", "message", "reported_at", "received_at")
        }
        return insert.on_conflict_do_update(
            index_elements=KEY,
            set_={**changes, "since": sa.case((unchanged, old.since), else_=new.since)},
            where=sa.or_(
                new.reported_at > old.reported_at,
                sa.and_(
                    new.reported_at == old.reported_at,
                    sa.or_(
                        new.readiness != Readiness.PROGRESSING.value,
                        old.readiness == Readiness.PROGRESSING.value,
                    ),
                ),
            ),
        )

    def _is_full(self, connection: sa.Connection, key: dict[str, str]) -> bool:
        """Whether a cluster has reported too many other components of the application."""
        row = reports.c
        there = [row[name] == key[name] for name in ("application", "cluster")]
        others = sa.select(sa.func.count(row.component.distinct())).where(
            *there, row.component != key["component"]
        )
        return connection.scalars(others).one() >= MAX_COMPONENTS

    def _prune(self, connection: sa.Connection, key: dict[str, str]) -> None:
        """Keep only the most recently reported revisions of the unit."""
        row = reports.c
        unit = [row[name] == key[name] for name in KEY if name != "revision"]
        latest = sa.select(row.revision).where(*unit).order_by(row.received_at.desc())
        # Never the one just recorded: others may have the same time of receipt.
        old = latest.where(row.revision != key["revision"]).offset(MAX_REVISIONS - 1)
        connection.execute(sa.delete(reports).where(*unit, row.revision.in_(old)))

    def last_received(self) -> dict[str, datetime]:
        """When the last report of each cluster was received, whatever it was about."""
        row = reports.c
        query = sa.select(row.cluster, sa.func.max(row.received_at)).group_by(row.cluster)
        with self._database.read() as connection:
            return {name: moment(at) for name, at in connection.execute(query)}

    def of_application(self, application: str) -> tuple[ReportRow, ...]:
        """All reports on an application, by cluster, component and revision."""
        row = reports.c
        query = sa.select(reports).where(row.application == application)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(row.cluster, row.component, row.revision))
            return tuple(
                ReportRow(
                    cluster=each.cluster,
                    component=each.component,
                    revision=each.revision,
                    readiness=each.readiness,
                    message=each.message,
                    reported_at=moment(each.reported_at),
                    received_at=moment(each.received_at),
                    since=moment(each.since),
                )
                for each in found
            )
