"""The work queue: one row for each key that may need a pass.

`due` is the time of the next unclaimed pass. A claim clears `due`; a trigger during the pass sets
it again, so that the key gets one more pass. A key whose lease has expired can be claimed by any
worker. Triggers and claims increment `generation`; owner and generation identify a claim, and
every write of its holder is fenced by both.

An attempt is counted before it begins, so that it counts however it ends. A key whose last three
passes ended without a result is quarantined, so that it cannot keep crashing workers.

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

MAX_ABNORMAL_ENDS = 3
QUARANTINE = (
    f"{MAX_ABNORMAL_ENDS} consecutive passes ended without a result: their process crashed or hung"
)
UNCLAIMED: dict[str, Any] = {"owner": None, "claimed_generation": None, "lease_until": None}
RELEASED: dict[str, Any] = {"quarantined": None, "abnormal_ends": 0, "attempts": 0}


@dataclass(frozen=True, slots=True)
class Claim:
    """A key claimed by one worker until its lease expires.

    `attempts` counts the passes since the last success, including this one.
    """

    key: str
    owner: str
    generation: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A key with a due or running pass, for display; `quarantined` is the reason, if any."""

    key: str
    due: datetime | None
    owner: str | None
    lease_until: datetime | None
    attempts: int
    last_error: str | None
    quarantined: str | None


class Queue:
    """Reconcile keys, each claimed by at most one worker.

    `now` None is the clock of the database; SQLite has none (ValueError).
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._notifier: Notifier = (
            LocalNotifier() if database.is_sqlite else PostgresNotifier(database)
        )

    def trigger(self, keys: Iterable[str], due: datetime, *, release: bool = False) -> None:
        """Make keys due at a time, unless due earlier; a claimed one gets one more pass.

        A quarantined key stays quarantined unless `release`.
        """
        rows = [{"key": key, "due": seconds(due)} for key in sorted(set(keys))]
        if not rows:
            return
        insert = self._database.insert(queue).values(generation=1, attempts=0, abnormal_ends=0)
        old, new = queue.c, insert.excluded
        changes = {"generation": old.generation + 1, "due": _earlier(old.due, new.due)}
        upsert = insert.on_conflict_do_update(
            index_elements=["key"], set_=changes | RELEASED if release else changes
        )
        with self._database.write() as connection:
            connection.execute(upsert, rows)
            self._notifier.announce(connection)
        self._notifier.notify()

    def claim(
        self, owner: str, lease: timedelta, now: datetime | None, *, prefer: str = ""
    ) -> Claim | None:
        """Claim the key that has been claimable for longest; None if there is none.

        Keys that begin with `prefer` come before all others.
        """
        time = self._database.time(now)
        with self._database.write() as connection:
            while row := self._first(connection, time, prefer):
                abnormal_ends = row.abnormal_ends + (row.owner is not None)
                if abnormal_ends < MAX_ABNORMAL_ENDS:
                    claim = Claim(row.key, owner, row.generation + 1, row.attempts + 1)
                    lease_until = time + lease.total_seconds()
                    connection.execute(_claim(claim, lease_until, abnormal_ends))
                    return claim
                connection.execute(_quarantine(row))
        return None

    def _first(
        self, connection: sa.Connection, time: sa.ColumnElement[float], prefer: str
    ) -> sa.Row[Any] | None:
        query = (
            sa.select(queue)
            .where(queue.c.quarantined.is_(None), claimable_at <= time)
            .order_by(claimable_at, queue.c.key)
            .limit(1)
        )
        if not self._database.is_sqlite:
            query = query.with_for_update(skip_locked=True)
        preferred = query.where(queue.c.key.startswith(prefer, autoescape=True))
        found = connection.execute(preferred).first() if prefer else None
        return found or connection.execute(query).first()

    def heartbeat(self, claim: Claim, lease: timedelta, now: datetime | None) -> bool:
        """Renew the lease; False if another worker has claimed the key."""
        return self._write(claim, lease_until=self._database.time(now) + lease.total_seconds())

    def done(self, claim: Claim, next_due: datetime | None) -> bool:
        """Record a success, with the next pass at `next_due`; False if the claim was lost.

        An earlier time set by a trigger during the pass is kept.
        """
        due = queue.c.due if next_due is None else _earlier(queue.c.due, seconds(next_due))
        return self._write(
            claim, **UNCLAIMED, due=due, attempts=0, abnormal_ends=0, last_error=None
        )

    def retry(self, claim: Claim, error: str, due: datetime) -> bool:
        """Record a failure, with the next pass at `due` or an earlier trigger."""
        again = _earlier(queue.c.due, seconds(due))
        return self._write(claim, **UNCLAIMED, due=again, abnormal_ends=0, last_error=clean(error))

    def postpone(self, claim: Claim, due: datetime) -> bool:
        """Give a claim back without a pass: it counts as no attempt, and is due then or earlier."""
        again = _earlier(queue.c.due, seconds(due))
        return self._write(claim, **UNCLAIMED, due=again, attempts=claim.attempts - 1)

    def _write(self, claim: Claim, **values: Any) -> bool:
        claimed = sa.update(queue).where(
            queue.c.key == claim.key,
            queue.c.owner == claim.owner,
            queue.c.claimed_generation == claim.generation,
        )
        with self._database.write() as connection:
            return bool(connection.execute(claimed.values(**values)).rowcount)

    def bound(self, lease: timedelta, now: datetime | None) -> int:
        """Shorten leases that end later than any can, by a clock that was wrong; how many."""
        longest = self._database.time(now) + lease.total_seconds()
        shortened = (
            sa.update(queue).where(queue.c.lease_until > longest).values(lease_until=longest)
        )
        with self._database.write() as connection:
            return connection.execute(shortened).rowcount

    def release(self, key: str) -> bool:
        """Release a quarantined key for immediate claims; False if it is not quarantined."""
        update = (
            sa.update(queue)
            .where(queue.c.key == key, queue.c.quarantined.is_not(None))
            .values(**RELEASED)
        )
        with self._database.write() as connection:
            released = bool(connection.execute(update).rowcount)
            self._notifier.announce(connection)
        self._notifier.notify()
        return released

    def waiting(self, limit: int) -> tuple[Waiting, ...]:
        """Keys with a due or running pass: quarantined ones first, then by time."""
        idle = sa.and_(claimable_at.is_(None), queue.c.quarantined.is_(None))
        order = (queue.c.quarantined.is_(None), claimable_at, queue.c.key)
        query = sa.select(queue).where(~idle).order_by(*order).limit(limit)
        with self._database.read() as connection:
            return tuple(
                Waiting(
                    key=row.key,
                    due=_moment(row.due),
                    owner=row.owner,
                    lease_until=_moment(row.lease_until),
                    attempts=row.attempts,
                    last_error=row.last_error,
                    quarantined=row.quarantined,
                )
                for row in connection.execute(query)
            )

    def next_due(self) -> datetime | None:
        """When the next key can be claimed, maybe in the past; a claimed one at lease expiry."""
        first = sa.select(sa.func.min(claimable_at)).where(queue.c.quarantined.is_(None))
        with self._database.read() as connection:
            return _moment(connection.scalar(first))

    def wait(self, timeout_seconds: float) -> None:
        """Block until a trigger in this process or (PostgreSQL) any process, or the timeout.

        It may return early. Only one thread of a process may wait.
        """
        self._notifier.wait(timeout_seconds)

    def close(self) -> None:
        """Wake the waiting thread."""
        self._notifier.close()


def _claim(claim: Claim, lease_until: sa.ColumnElement[float], abnormal_ends: int) -> sa.Update:
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
    """Quarantine a key; its pass stays due since the last lease expired."""
    due = _earlier(queue.c.due, row.lease_until)
    values = {**UNCLAIMED, "due": due, "quarantined": QUARANTINE}
    return sa.update(queue).where(queue.c.key == row.key).values(**values)


def _earlier(current: sa.ColumnElement[float | None], due: Any) -> sa.ColumnElement[float]:
    """The earlier of two times, of which the first may be NULL."""
    return sa.case((current <= due, current), else_=due)


def _moment(value: float | None) -> datetime | None:
    return None if value is None else moment(value)
