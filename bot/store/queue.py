"""The work queue: one row for each key that may need a pass.

A key is due when `due` has passed and nobody holds it. A trigger raises its generation; a pass
that ends looks whether the generation it claimed is still the newest, and if not the key stays due.
Every write of a holder is fenced by owner and claimed generation. An attempt is counted before it
begins: a key that ends its worker three times in a row is set aside, and ends no other.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.store.database import Database, moment, seconds
from bot.store.tables import queue

MOST_ABNORMAL_ENDS = 3
CHANNEL = "switchyard_queue"


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that one worker holds until its lease ends; `attempts` in a row, this one included."""

    key: str
    owner: str
    generation: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row of the queue, for people."""

    key: str
    due: datetime | None
    owner: str | None
    attempts: int
    last_error: str | None
    quarantined: bool


class Queue:
    """Reconcile keys, each held by one worker at the most."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed = threading.Condition()

    def trigger(self, keys: Sequence[str], due: datetime) -> None:
        """Make keys due then, or earlier if they are already; a held one gets one more pass."""
        with self._database.write() as connection:
            for key in sorted(set(keys)):
                insert = self._database.insert(queue).values(
                    key=key,
                    due=seconds(due),
                    generation=1,
                    attempts=0,
                    abnormal_ends=0,
                    quarantined=False,
                )
                old, new = queue.c, insert.excluded
                earlier = self._database.least(sa.func.coalesce(old.due, new.due), new.due)
                connection.execute(
                    insert.on_conflict_do_update(
                        index_elements=["key"],
                        set_={"generation": old.generation + 1, "due": earlier},
                    )
                )
            if not self._database.is_sqlite:
                connection.exec_driver_sql(f"NOTIFY {CHANNEL}")
        with self._changed:
            self._changed.notify_all()

    def claim(self, owner: str, lease: timedelta, now: datetime | None) -> Claim | None:
        """Take the key that is due longest. `now` None: by the database's clock (PostgreSQL).

        A key whose lease ran out counts as an abnormal end of its last holder; after three in a row
        it is quarantined and left alone until `release`.
        """
        with self._database.write() as connection:
            time = seconds(now) if now is not None else _database_time(connection)
            while True:
                row = connection.execute(self._due(time)).first()
                if row is None:
                    return None
                lapsed = row.owner is not None
                abnormal = row.abnormal_ends + 1 if lapsed else 0
                if lapsed and abnormal >= MOST_ABNORMAL_ENDS:
                    self._quarantine(connection, row.key, abnormal)
                    continue
                attempts = row.attempts + 1
                connection.execute(
                    sa.update(queue)
                    .where(queue.c.key == row.key)
                    .values(
                        owner=owner,
                        lease_until=time + lease.total_seconds(),
                        claimed_generation=row.generation,
                        attempts=attempts,
                        abnormal_ends=abnormal,
                    )
                )
                return Claim(row.key, owner, row.generation, attempts)

    def _due(self, time: float) -> sa.Select[tuple[object, ...]]:
        free = sa.or_(queue.c.owner.is_(None), queue.c.lease_until <= time)
        held = queue.c.owner.is_not(None)
        query = (
            sa.select(queue)
            .where(~queue.c.quarantined, free, sa.or_(held, queue.c.due <= time))
            .order_by(queue.c.due, queue.c.key)
            .limit(1)
        )
        return query if self._database.is_sqlite else query.with_for_update(skip_locked=True)

    def _quarantine(self, connection: sa.Connection, key: str, abnormal: int) -> None:
        reason = f"set aside: {abnormal} passes in a row ended abnormally"
        connection.execute(
            sa.update(queue)
            .where(queue.c.key == key)
            .values(
                quarantined=True,
                owner=None,
                lease_until=None,
                abnormal_ends=abnormal,
                last_error=sa.func.coalesce(queue.c.last_error, reason),
            )
        )

    def heartbeat(self, claim: Claim, lease: timedelta, now: datetime) -> bool:
        """Hold on for another lease; False when the key was lost."""
        with self._database.write() as connection:
            done = connection.execute(
                self._held(claim).values(lease_until=seconds(now) + lease.total_seconds())
            )
            return bool(done.rowcount)

    def done(self, claim: Claim, next_due: datetime | None) -> bool:
        """The pass ended well; look again at `next_due`. False when the key was lost.

        A trigger that came during the pass leaves the key due at once.
        """
        later = seconds(next_due) if next_due is not None else None
        quiet = queue.c.generation == claim.generation
        return self._end(claim, due=sa.case((quiet, later), else_=queue.c.due), error=None)

    def retry(self, claim: Claim, error: str, due: datetime) -> bool:
        """The pass failed; make it again then, or at once when a trigger came meanwhile."""
        quiet = queue.c.generation == claim.generation
        value = sa.case((quiet, seconds(due)), else_=queue.c.due)
        return self._end(claim, due=value, error=error)

    def _end(self, claim: Claim, *, due: sa.Case[float | None], error: str | None) -> bool:
        values = {
            "due": due,
            "owner": None,
            "lease_until": None,
            "abnormal_ends": 0,
            "last_error": error,
        }
        if error is None:
            values["attempts"] = 0
        with self._database.write() as connection:
            return bool(connection.execute(self._held(claim).values(**values)).rowcount)

    def _held(self, claim: Claim) -> sa.Update:
        return sa.update(queue).where(
            queue.c.key == claim.key,
            queue.c.owner == claim.owner,
            queue.c.claimed_generation == claim.generation,
        )

    def release(self, key: str, now: datetime) -> None:
        """Give a quarantined key another chance."""
        with self._database.write() as connection:
            connection.execute(
                sa.update(queue)
                .where(queue.c.key == key)
                .values(quarantined=False, abnormal_ends=0, attempts=0, due=seconds(now))
            )

    def waiting(self, limit: int) -> tuple[Waiting, ...]:
        """The rows that are due soonest."""
        query = sa.select(queue).order_by(queue.c.due, queue.c.key).limit(limit)
        with self._database.engine.connect() as connection:
            return tuple(
                Waiting(
                    row.key,
                    moment(row.due) if row.due is not None else None,
                    row.owner,
                    row.attempts,
                    row.last_error,
                    row.quarantined,
                )
                for row in connection.execute(query)
            )

    def wait(self, timeout: float) -> None:
        """Block until a trigger, here or (PostgreSQL) in another process, or until the timeout."""
        if self._database.is_sqlite:
            with self._changed:
                self._changed.wait(timeout)
            return
        with self._database.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.autocommit = True
            try:
                driver.execute(f"LISTEN {CHANNEL}")
                for _ in driver.notifies(timeout=timeout, stop_after=1):
                    break
            finally:
                connection.invalidate()


def _database_time(connection: sa.Connection) -> float:
    query = sa.select(sa.extract("epoch", sa.func.clock_timestamp()))
    return float(connection.scalar(query) or 0)
