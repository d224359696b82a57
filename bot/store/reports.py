"""What agents say: one row per cluster, application, component and revision.

Stored by revision, so that a late word on an old revision does not hide one on a newer revision;
without a revision for words that name none, without application and component for those about a
whole cluster. `web` and `worker` write, `gather` reads.

Words that come together are stored in one transaction: their units are read at once, each word is
judged by `bot.store.report_rules`, and what changed is written.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.store.database import Database, JsonRows, moment, seconds
from bot.store.report_rules import Outcome, StoredWord, UnitReports
from bot.store.tables import expected_reports, reports, width
from planners.model import Unit
from plugins import Word

MAX_COMPONENTS = 500
CLOCK_TOLERANCE = timedelta(minutes=2)
WRITER_LOCK = 7_316_215  # unique among the advisory locks of the database, as in bot/store

KEY = ("application", "cluster", "component", "revision")
UNIT = KEY[:3]
WIDTHS = tuple(width(reports.c[name]) for name in KEY)
VALUES = ("revision", "readiness", "message", "reported_at", "received_at", "since")
UnitKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ReportRow:
    """The latest report on one revision.

    `reported_at` is in the cluster's clock, the other times are in ours. `since` is when the first
    report of an uninterrupted series with this readiness was received.

    A report is as old as its cluster says, so that one that was held back is not fresh when it
    arrives. Clocks of clusters differ from ours: CLOCK_TOLERANCE is not counted. A clock that is
    ahead makes no report younger than its arrival.
    """

    cluster: str
    component: str
    revision: str
    readiness: str
    message: str
    reported_at: datetime
    received_at: datetime
    since: datetime

    @property
    def counted_at(self) -> datetime:
        """The time from which its age counts, by our clock."""
        return min(self.received_at, self.reported_at + CLOCK_TOLERANCE)

    @property
    def delay(self) -> timedelta:
        """How long before its arrival it was made, by the cluster's clock; zero if tolerated."""
        delayed = self.counted_at < self.received_at
        return self.received_at - self.reported_at if delayed else timedelta()


@dataclass(frozen=True, slots=True)
class Reported:
    """The reports on an application and on clusters as a whole, as they were at one time.

    `last` is when the last report of each cluster was received, whatever it was about.
    """

    application: tuple[ReportRow, ...]
    clusters: tuple[ReportRow, ...]
    last: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Message:
    """What a cluster said at once, and when it was received."""

    words: Sequence[Word]
    received: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of some words: how many were kept, and for which applications one was news."""

    count: int
    news: frozenset[str]


class Reports:
    """Reports by application."""

    def __init__(self, database: Database) -> None:
        self._database = database
        wanted = database.rows(len(UNIT))
        self._find = (
            _of_units(wanted, expected_reports, UNIT),
            _of_units(wanted, reports, (*UNIT, *VALUES)),
        )
        units = sa.select(*wanted.columns).select_from(wanted.table)
        insert = database.insert(expected_reports).from_select(UNIT, units.where(sa.true()))
        self._expect = insert.on_conflict_do_nothing()
        unit = sa.tuple_(*(expected_reports.c[name] for name in UNIT))
        self._unexpect = sa.delete(expected_reports).where(unit.in_(units))

    def record_all(self, words: Iterable[Word], received: datetime) -> Recorded:
        """Store the words of one message."""
        (recorded,) = self.record_messages([Message(tuple(words), received)])
        return recorded

    def record_messages(self, messages: Iterable[Message]) -> list[Recorded]:
        """Store the words of several messages durably, with one commit for all of them."""
        said = list(messages)
        with self._write() as connection:
            batch = _Batch(self._find, connection, [word for each in said for word in each.words])
            outcomes = [
                [(word, batch.record(word, each.received)) for word in each.words] for each in said
            ]
            batch.save()
        return [_summary(each) for each in outcomes]

    def record(self, word: Word, received: datetime) -> Outcome:
        """Store a word if it is newer than the last one of this cluster on this revision.

        Nothing changes if it is late, a duplicate, has a name that is too long, or is about one
        component too many.
        """
        with self._write() as connection:
            batch = _Batch(self._find, connection, [word])
            outcome = batch.record(word, received)
            batch.save()
        return outcome

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        """A transaction of the only writer of reports, so that what was read stays true.

        With PostgreSQL a replica that stops in the middle blocks the others until its transaction
        times out.
        """
        with self._database.write() as connection:
            if not self._database.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITER_LOCK)))
            yield connection

    def expect(self, application: str, units: Collection[Unit]) -> None:
        """Say of which units a pass waits for reports: news of those wakes the application."""
        wanted = {(unit.cluster, unit.component) for unit in units}
        with self._database.read() as connection:
            found = connection.execute(EXPECTED, {"an_application": application})
            known = {(cluster, component) for cluster, component in found}
        if known == wanted:
            return
        with self._write() as connection:
            if known.isdisjoint(wanted):
                connection.execute(EXPECT_NONE, {"an_application": application})
            elif gone := known - wanted:
                connection.execute(self._unexpect, _units(application, gone))
            if missing := wanted - known:
                connection.execute(self._expect, _units(application, missing))

    def prune(self, before: datetime) -> int:
        """Delete reports received earlier; returns how many."""
        with self._write() as connection:
            old = sa.delete(reports).where(reports.c.received_at < seconds(before))
            return connection.execute(old).rowcount

    def read(self, application: str, *, last: bool) -> Reported:
        """What a pass reads of them, in one transaction; when clusters reported if it asks."""
        with self._database.read() as connection:
            found, clusters = (
                _rows(connection.execute(OF_APPLICATION, {"an_application": name}))
                for name in (application, "")
            )
            times = connection.execute(LAST).all() if last else ()
        return Reported(found, clusters, {name: moment(at) for name, at in times})

    def of_application_on(self, application: str, cluster: str) -> tuple[ReportRow, ...]:
        """All reports on an application from one cluster, by component and revision."""
        with self._database.read() as connection:
            return _rows(
                connection.execute(
                    OF_APPLICATION_ON, {"an_application": application, "a_cluster": cluster}
                )
            )

    def of_application(self, application: str) -> tuple[ReportRow, ...]:
        """All reports on an application, by cluster, component and revision.

        Those on clusters as a whole are on the one without a name, by part of the agent.
        """
        with self._database.read() as connection:
            return _rows(connection.execute(OF_APPLICATION, {"an_application": application}))


def _rows(found: Iterable[Any]) -> tuple[ReportRow, ...]:
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


def _unit_is(table: sa.Table) -> list[sa.ColumnElement[bool]]:
    """The row of a unit, by `_parameters`."""
    return [table.c[name] == sa.bindparam(f"a_{name}") for name in UNIT]


_THIS = (*_unit_is(reports), reports.c.revision == sa.bindparam("a_revision"))
DELETE = sa.delete(reports).where(*_THIS)
UPDATE = sa.update(reports).where(*_THIS).values({name: sa.bindparam(name) for name in VALUES})
INSERT = sa.insert(reports)
_ONE = sa.bindparam("an_application", type_=sa.String)
OF_APPLICATION = (
    sa.select(reports)
    .where(reports.c.application == _ONE)
    .order_by(reports.c.cluster, reports.c.component, reports.c.revision)
)
LAST = sa.select(reports.c.cluster, sa.func.max(reports.c.received_at)).group_by(reports.c.cluster)
OF_APPLICATION_ON = OF_APPLICATION.where(
    reports.c.cluster == sa.bindparam("a_cluster", type_=sa.String)
)
EXPECTED = sa.select(expected_reports.c.cluster, expected_reports.c.component).where(
    expected_reports.c.application == _ONE
)
EXPECT_NONE = sa.delete(expected_reports).where(expected_reports.c.application == _ONE)


def _units(application: str, units: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The parameter of statements about many units."""
    return {"rows": json.dumps([(application, *each) for each in sorted(units)])}


def _of_units(wanted: JsonRows, table: sa.Table, names: Sequence[str]) -> sa.Select[Any]:
    """The rows of some units, in one query whatever their number."""
    matches = [table.c[name] == each for name, each in zip(UNIT, wanted.columns, strict=True)]
    joined = sa.join(wanted.table, table, sa.and_(*matches))
    return sa.select(*(table.c[name] for name in names)).select_from(joined)


class _Batch:
    """The units of some words, as they are stored, and what the words change."""

    def __init__(
        self,
        find: tuple[sa.Select[Any], sa.Select[Any]],
        connection: sa.Connection,
        words: Collection[Word],
    ) -> None:
        self._connection = connection
        self._fitting = {word for word in words if _fits(word)}
        keys = sorted({_unit_key(word) for word in self._fitting})
        awaited, stored = (connection.execute(each, {"rows": json.dumps(keys)}) for each in find)
        self._units = {key: UnitReports(awaited=False) for key in keys}
        for each in awaited:
            self._units[_key_of(each)].awaited = True
        self._components: dict[tuple[str, str], int] = {}
        for each in stored:
            words_of_unit = self._units[_key_of(each)].words
            words_of_unit[each.revision] = StoredWord(
                each.revision, *(getattr(each, name) for name in VALUES)
            )

    def record(self, word: Word, received: datetime) -> Outcome:
        """Keep a word, if there is room for it."""
        if word not in self._fitting:
            return Outcome.IGNORED
        unit = self._units[_unit_key(word)]
        if not unit.words and self._is_full(word):
            return Outcome.IGNORED
        return unit.record(word, seconds(received))

    def _is_full(self, word: Word) -> bool:
        """Whether a cluster has reported too many other components of the application."""
        place, row = (word.application, word.cluster), reports.c
        if place not in self._components:
            there = (row.application == word.application, row.cluster == word.cluster)
            count = sa.select(sa.func.count(row.component.distinct())).where(*there)
            self._components[place] = self._connection.scalars(count).one()
        if self._components[place] >= MAX_COMPONENTS:
            return True
        self._components[place] += 1
        return False

    def save(self) -> None:
        """Write what changed: three statements at most."""
        gone: list[dict[str, Any]] = []
        changed: list[dict[str, Any]] = []
        new: list[dict[str, Any]] = []
        for key, unit in self._units.items():
            gone += [{**_parameters(key), "a_revision": each} for each in unit.removed]
            for each in unit.words.values():
                if each.stored_as is None:
                    new.append(dict(zip(UNIT, key, strict=True)) | _values(each))
                elif each.changed:
                    place = {**_parameters(key), "a_revision": each.stored_as}
                    changed.append(place | _values(each))
        if gone:
            self._connection.execute(DELETE, gone)
        if changed:
            self._connection.execute(UPDATE, changed)
        if new:
            self._connection.execute(INSERT, new)


def _values(word: StoredWord) -> dict[str, Any]:
    return {name: getattr(word, name) for name in VALUES}


def _parameters(key: UnitKey) -> dict[str, str]:
    return {f"a_{name}": value for name, value in zip(UNIT, key, strict=True)}


def _unit_key(word: Word) -> UnitKey:
    return word.application, word.cluster, word.component


def _key_of(row: sa.Row[Any]) -> UnitKey:
    return row.application, row.cluster, row.component


def _fits(word: Word) -> bool:
    """Whether a database takes the names in a word."""
    names = (*_unit_key(word), word.revision)
    return all(
        len(name) <= most and name.isprintable() for name, most in zip(names, WIDTHS, strict=True)
    )


def _summary(outcomes: list[tuple[Word, Outcome]]) -> Recorded:
    kept = sum(outcome is not Outcome.IGNORED for _, outcome in outcomes)
    news = {word.application for word, outcome in outcomes if outcome is Outcome.NEWS}
    return Recorded(kept, frozenset(news - {""}))
