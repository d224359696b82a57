"""What agents say: one row per cluster, application, component and revision.

Stored by revision, so that a late word on an old revision does not hide one on a newer revision;
without a revision for words that name none, without application and component for those about a
whole cluster. `web` writes, `gather` reads.

Agents tell times in whole seconds, and words of one second arrive in any order (Flux: that health
checks passed may arrive after that the reconciliation finished). So within a second the readiness
decides, and a copy of a word that was sent again never keeps a silent cluster fresh.
"""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

import sqlalchemy as sa

from bot.store.database import Database, clean, moment, seconds
from bot.store.tables import expected_reports, reports, width
from planners.model import Readiness, Unit
from plugins import Word

MAX_REVISIONS = 20
MAX_COMPONENTS = 500
RANKS = {Readiness.PROGRESSING: 1, Readiness.READY: 2, Readiness.STALLED: 3}
"""Of words of the same second the highest counts; a duplicate of any of them is no newer."""

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


class Outcome(Enum):
    """What came of a word: IGNORED; REPEATED, which was no news; or NEWS."""

    IGNORED = auto()
    REPEATED = auto()
    NEWS = auto()


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
        (recorded,) = self.record_messages([words], received)
        return recorded

    def record_messages(
        self, messages: Iterable[Iterable[Word]], received: datetime
    ) -> list[Recorded]:
        """Store the words of several messages durably, with one commit for all of them."""
        with self._database.write() as connection:
            return [
                _summary([(word, self._record(connection, word, received)) for word in words])
                for words in messages
            ]

    def record(self, word: Word, received: datetime) -> Outcome:
        """Store a word if it is newer than the last one of this cluster on this revision.

        Nothing changes if it is late, a duplicate, has a name that is too long, or is about one
        component too many.
        """
        with self._database.write() as connection:
            return self._record(connection, word, received)

    def _record(self, connection: sa.Connection, word: Word, received: datetime) -> Outcome:
        key = {
            "application": word.application,
            "cluster": word.cluster,
            "component": word.component,
            "revision": word.revision,
        }
        if any(len(value) > width(reports.c[name]) for name, value in key.items()):
            return Outcome.IGNORED
        if self._repeat(connection, key, word, seconds(received)):
            return Outcome.REPEATED
        if self._is_full(connection, key):
            return Outcome.IGNORED
        upsert = self._upsert(key, word, seconds(received))
        kept = connection.scalar(upsert.returning(reports.c.revision)) is not None
        if kept:
            self._prune(connection, key)
        return Outcome.NEWS if kept else Outcome.IGNORED

    def expect(self, application: str, units: Collection[Unit]) -> None:
        """Say of which units a pass waits for reports: each of those wakes the application."""
        row = expected_reports.c
        wanted = {(unit.cluster, unit.component) for unit in units}
        query = sa.select(row.cluster, row.component).where(row.application == application)
        with self._database.write() as connection:
            known = {(each.cluster, each.component) for each in connection.execute(query)}
            for cluster, component in sorted(known - wanted):
                here = (row.application == application, row.cluster == cluster)
                connection.execute(
                    sa.delete(expected_reports).where(*here, row.component == component)
                )
            missing = [
                {"application": application, "cluster": cluster, "component": component}
                for cluster, component in sorted(wanted - known)
            ]
            if missing:
                insert = self._database.insert(expected_reports)
                connection.execute(insert.on_conflict_do_nothing(), missing)

    def _repeat(
        self, connection: sa.Connection, key: dict[str, str], word: Word, received: float
    ) -> bool:
        """Refresh the newest row of a unit if a word says nothing new; whether it did.

        That is READY again, at whatever revision, while no pass waits for a report of the unit. A
        merge makes every unit of a fleet report so, those that it changed apart.
        """
        row, at = reports.c, _second(word)
        if word.readiness is not Readiness.READY or not word.revision:
            return False
        unit = [row[name] == key[name] for name in KEY if name != "revision"]
        newest = sa.select(row.revision).where(*unit)
        newest = newest.order_by(row.reported_at.desc(), row.received_at.desc()).limit(1)
        other = reports.alias()
        taken = sa.exists().where(
            *(other.c[name] == key[name] for name in KEY), other.c.revision != row.revision
        )
        expected = expected_reports.c
        awaited = sa.exists().where(*(expected[n] == key[n] for n in KEY if n != "revision"))
        update = (
            sa.update(reports)
            .where(*unit, row.revision == newest.scalar_subquery())
            .where(row.readiness == Readiness.READY.value, row.reported_at < at, ~taken, ~awaited)
            .values(revision=word.revision, reported_at=at, received_at=received)
        )
        return connection.execute(update).rowcount == 1

    def _upsert(self, key: dict[str, str], word: Word, received: float) -> Any:
        """One statement, so that the newer of two concurrent words wins."""
        insert = self._database.insert(reports).values(
            **key,
            readiness=word.readiness.value,
            message=clean(word.message),
            reported_at=_second(word),
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
                    _rank(new.readiness) > _rank(old.readiness),
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

    def of_clusters(self) -> tuple[ReportRow, ...]:
        """All reports about clusters as a whole, by cluster and part of the agent."""
        return self.of_application("")

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


def _summary(outcomes: list[tuple[Word, Outcome]]) -> Recorded:
    kept = sum(outcome is not Outcome.IGNORED for _, outcome in outcomes)
    news = {word.application for word, outcome in outcomes if outcome is Outcome.NEWS}
    return Recorded(kept, frozenset(news - {""}))


def _second(word: Word) -> float:
    return float(math.floor(seconds(word.at)))


def _rank(readiness: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    return sa.case({name.value: rank for name, rank in RANKS.items()}, value=readiness, else_=0)
