"""The work queue: one row for each key that may need a pass.

`due` is when work is owed that nobody has taken up. A claim takes it up and empties `due`; a
trigger during the pass fills it again, so that the key gets one more pass. A claim whose lease ran
out is owed again, to anyone. Triggers and claims raise `generation`; a claim is told by its owner
and the generation it made, which no other claim of the key can have, and every write of a holder
is fenced by both.

An attempt is counted before it begins, so that it counts however it ends. A key whose last three
passes never said how they ended is quarantined: it is a danger to its workers, and to no other key.

`bot/worker/dispatch.py` and `web` trigger, `bot/worker/worker.py` claims.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.store.database import Database, clean, moment, seconds
from bot.store.notifier import LocalNotifier, Notifier, PostgresNotifier
from bot.store.tables import claimable_at, queue

MOST_ABNORMAL_ENDS = 3
QUARANTINE = (
    f"{MOST_ABNORMAL_ENDS} passes in a row ended without a word: their process died or hung"
)
FREE: dict[str, Any] = {"owner": None, "claimed_generation": None, "lease_until": None}
PARDONED: dict[str, Any] = {"quarantined": None, "abnormal_ends": 0, "attempts": 0}


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that one worker holds until its lease ends.

    `attempts` counts the passes since the last good end, this one included.
    """

    key: str
    owner: str
    generation: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A key with work owed or under way, for people; `quarantined` is the reason, if it is."""

    key: str
    due: datetime | None
    owner: str | None
    lease_until: datetime | None
    attempts: int
    last_error: str | None
    quarantined: str | None


class Queue:
    """Reconcile keys, each held by one worker at the most.

    `now` None means the database's clock, which PostgreSQL has and SQLite has not (ValueError).
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bell: Notifier = LocalNotifier() if database.is_sqlite else PostgresNotifier(database)

    def trigger(self, keys: Iterable[str], due: datetime, *, release: bool = False) -> None:
        """Make keys due then, or earlier if they are already; a held one gets one more pass.

        A quarantined key stays so, unless `release`.
        """
        rows = [{"key": key, "due": seconds(due)} for key in sorted(set(keys))]
        if not rows:
            return
        insert = self._database.insert(queue).values(generation=1, attempts=0, abnormal_ends=0)
        old, new = queue.c, insert.excluded
        changes = {"generation": old.generation + 1, "due": _earlier(old.due, new.due)}
        upsert = insert.on_conflict_do_update(
            index_elements=["key"], set_=changes | PARDONED if release else changes
        )
        with self._database.write() as connection:
            connection.execute(upsert, rows)
            self._bell.announce(connection)
        self._bell.notify()

    def claim(self, owner: str, lease: timedelta, now: datetime | None) -> Claim | None:
        """Take the key that has been claimable for longest; None when there is none."""
        time = self._database.time(now)
        with self._database.write() as connection:
            while row := connection.execute(self._claimable(time)).first():
                abnormal_ends = row.abnormal_ends + (row.owner is not None)
                if abnormal_ends < MOST_ABNORMAL_ENDS:
                    claim = Claim(row.key, owner, row.generation + 1, row.attempts + 1)
                    lease_until = time + lease.total_seconds()
                    connection.execute(_take(claim, lease_until, abnormal_ends))
                    return claim
                connection.execute(_quarantine(row))
        return None

    def _claimable(self, time: sa.ColumnElement[float]) -> sa.Select[Any]:
        query = (
            sa.select(queue)
            .where(queue.c.quarantined.is_(None), claimable_at <= time)
            .order_by(claimable_at, queue.c.key)
            .limit(1)
        )
        return query if self._database.is_sqlite else query.with_for_update(skip_locked=True)

    def heartbeat(self, claim: Claim, lease: timedelta, now: datetime | None) -> bool:
        """Hold on for another lease; False when the key was lost to somebody else."""
        return self._write(claim, lease_until=self._database.time(now) + lease.total_seconds())

    def done(self, claim: Claim, next_due: datetime | None) -> bool:
        """The pass ended well; look again at `next_due`. False when the key was lost.

        A trigger that came during the pass keeps its own, earlier time.
        """
        due = queue.c.due if next_due is None else _earlier(queue.c.due, seconds(next_due))
        return self._write(claim, **FREE, due=due, attempts=0, abnormal_ends=0, last_error=None)

    def retry(self, claim: Claim, error: str, due: datetime) -> bool:
        """The pass failed and said so; make it again then, or when a trigger wants it earlier."""
        again = _earlier(queue.c.due, seconds(due))
        return self._write(claim, **FREE, due=again, abnormal_ends=0, last_error=clean(error))

    def _write(self, claim: Claim, **values: Any) -> bool:
        held = sa.update(queue).where(
            queue.c.key == claim.key,
            queue.c.owner == claim.owner,
            queue.c.claimed_generation == claim.generation,
        )
        with self._database.write() as connection:
            return bool(connection.execute(held.values(**values)).rowcount)

    def release(self, key: str) -> bool:
        """Let a quarantined key be claimed again, at once; False when it is not quarantined."""
        pardon = (
            sa.update(queue)
            .where(queue.c.key == key, queue.c.quarantined.is_not(None))
            .values(**PARDONED)
        )
        with self._database.write() as connection:
            released = bool(connection.execute(pardon).rowcount)
            self._bell.announce(connection)
        self._bell.notify()
        return released

    def waiting(self, limit: int) -> tuple[Waiting, ...]:
        """Keys with work owed or under way: quarantined ones first, then by when they are next."""
        idle = sa.and_(claimable_at.is_(None), queue.c.quarantined.is_(None))
        order = (queue.c.quarantined.is_(None), claimable_at, queue.c.key)
        query = sa.select(queue).where(~idle).order_by(*order).limit(limit)
        with self._database.read() as connection:
            return tuple(
                Waiting(
                    row.key,
                    _moment(row.due),
                    row.owner,
                    _moment(row.lease_until),
                    row.attempts,
                    row.last_error,
                    row.quarantined,
                )
                for row in connection.execute(query)
            )

    def next_due(self) -> datetime | None:
        """When the next key can be claimed, be it past; a held one when its lease ends."""
        first = sa.select(sa.func.min(claimable_at)).where(queue.c.quarantined.is_(None))
        with self._database.read() as connection:
            return _moment(connection.scalar(first))

    def wait(self, timeout_seconds: float) -> None:
        """Block a thread until a trigger, here or (PostgreSQL) in any process, or the timeout.

        It may return early. One thread of a process waits at a time.
        """
        self._bell.wait(timeout_seconds)

    def close(self) -> None:
        """Wake whoever waits."""
        self._bell.close()


def _take(claim: Claim, lease_until: sa.ColumnElement[float], abnormal_ends: int) -> sa.Update:
    return (
        sa.update(queue)
        .where(queue.c.key == claim.key)
        .values(
            due=None,
            generation=claim.generation,
            owner=claim.owner,
            claimed_generation=claim.generation,
            lease_until=lease_until,
            attempts=claim.attempts,
            abnormal_ends=abnormal_ends,
        )
    )


def _quarantine(row: Any) -> sa.Update:
    """Set a key aside; its work stays owed from when the last lease ended."""
    owed = _earlier(queue.c.due, row.lease_until)
    values = {**FREE, "due": owed, "quarantined": QUARANTINE}
    return sa.update(queue).where(queue.c.key == row.key).values(**values)


def _earlier(owed: sa.ColumnElement[float | None], due: Any) -> sa.ColumnElement[float]:
    """The earlier of two times, of which the first may be NULL."""
    return sa.case((owed <= due, owed), else_=due)


def _moment(value: float | None) -> datetime | None:
    return None if value is None else moment(value)
