"""The work queue: one row for each key that may need a pass.

`due` is the time of the next unclaimed pass. A claim clears `due`; a trigger during the pass sets
it again, so that the key gets one more pass. A key whose lease has expired can be claimed by any
worker. Triggers and claims increment `generation`; owner and generation identify a claim, and
every write of its holder is fenced by both.

An attempt is counted before it begins, so that it counts however it ends. A key whose last three
passes ended without a result is quarantined, so that it cannot keep crashing workers.

`bot/worker/dispatch.py` and `web` trigger, `bot/worker/worker.py` claims.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.store.database import Database, clean, escaped, moment, seconds
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
class Trigger:
    """Keys to be made due at a time; `release` those in quarantine, too."""

    keys: Collection[str]
    due: datetime
    release: bool = False


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


@dataclass(frozen=True, slots=True)
class Depth:
    """The keys by state: due, later, running, quarantined; `oldest` has been due for longest."""

    keys: Mapping[str, int]
    oldest: datetime | None


def _earlier(current: sa.ColumnElement[float | None], due: Any) -> sa.ColumnElement[float]:
    """The earlier of two times, of which the first may be NULL."""
    return sa.case((current <= due, current), else_=due)


_IS_KEY = queue.c.key == sa.bindparam("a_key")
_HELD = (
    _IS_KEY,
    queue.c.owner == sa.bindparam("an_owner"),
    queue.c.claimed_generation == sa.bindparam("a_generation"),
)
_CLAIMED = sa.update(queue).where(*_HELD)
_THEN = _earlier(queue.c.due, sa.bindparam("at", type_=sa.Double))
_SUCCESS = {**UNCLAIMED, "attempts": 0, "abnormal_ends": 0, "last_error": None}
DONE = _CLAIMED.values(_SUCCESS)
DONE_UNTIL = _CLAIMED.values(_SUCCESS | {"due": _THEN})
RETRY = _CLAIMED.values(
    {**UNCLAIMED, "due": _THEN, "abnormal_ends": 0, "last_error": sa.bindparam("error")}
)
DELETE_IDLE = sa.delete(queue).where(claimable_at.is_(None), queue.c.quarantined.is_(None))
POSTPONE = _CLAIMED.values({**UNCLAIMED, "due": _THEN, "attempts": sa.bindparam("before")})


@dataclass(frozen=True, slots=True)
class _Statements:
    """Statements that differ between SQLite and PostgreSQL."""

    trigger: sa.Insert
    first: sa.Select[Any]
    preferred: sa.Select[Any]
    claim: sa.Update
    heartbeat: sa.Update
    valid: sa.Select[Any]

    @classmethod
    def of(cls, database: Database) -> "_Statements":
        """Those of a database."""
        insert = database.insert(queue).values(generation=1, attempts=0, abnormal_ends=0)
        old, new = queue.c, insert.excluded
        release = sa.bindparam("release", type_=sa.Boolean)
        changes = {"generation": old.generation + 1, "due": _earlier(old.due, new.due)}
        changes |= {
            name: sa.case((release, value), else_=old[name]) for name, value in RELEASED.items()
        }
        first = (
            sa.select(queue)
            .where(queue.c.quarantined.is_(None), claimable_at <= database.time)
            .order_by(claimable_at, queue.c.key)
            .limit(1)
        )
        if not database.is_sqlite:
            first = first.with_for_update(skip_locked=True)
        lease_until = database.time + sa.bindparam("lease", type_=sa.Double)
        return cls(
            trigger=insert.on_conflict_do_update(index_elements=["key"], set_=changes),
            first=first,
            preferred=first.where(queue.c.key.startswith(sa.bindparam("prefix"), escape="/")),
            claim=_claim(lease_until),
            heartbeat=_CLAIMED.values(lease_until=lease_until),
            valid=sa.select(queue.c.key).where(*_HELD, queue.c.lease_until > lease_until),
        )


def _claim(lease_until: sa.ColumnElement[float]) -> sa.Update:
    generation = sa.bindparam("a_generation", type_=sa.BigInteger)
    values: dict[str, Any] = {"generation": generation, "claimed_generation": generation}
    values |= {"due": None, "owner": sa.bindparam("an_owner"), "lease_until": lease_until}
    values |= {name: sa.bindparam(f"new_{name}") for name in ("attempts", "abnormal_ends")}
    return sa.update(queue).where(_IS_KEY).values(values)


class Queue:
    """Reconcile keys, each claimed by at most one worker.

    `now` None is the clock of the database; SQLite has none (ValueError).
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = _Statements.of(database)
        self._notifier: Notifier = (
            LocalNotifier() if database.is_sqlite else PostgresNotifier(database)
        )

    def trigger(self, keys: Iterable[str], due: datetime, *, release: bool = False) -> None:
        """Make keys due at a time, unless due earlier; a claimed one gets one more pass.

        A quarantined key stays quarantined unless `release`.
        """
        wanted = frozenset(keys)
        if not wanted:
            return
        with self._database.write() as connection:
            self.put(connection, [Trigger(wanted, due, release)])
        self.notify()

    def put(self, connection: sa.Connection, triggers: Iterable[Trigger]) -> None:
        """Make keys due in a transaction of the caller, who calls `notify` after its commit.

        All writers take the rows in the order of keys, so that none waits for another in a circle.
        """
        rows: dict[str, dict[str, Any]] = {}
        for each in triggers:
            for key in each.keys:
                row = rows.setdefault(key, {"key": key, "due": seconds(each.due), "release": False})
                row["due"] = min(row["due"], seconds(each.due))
                row["release"] = row["release"] or each.release
        if rows:
            connection.execute(self._statements.trigger, [rows[key] for key in sorted(rows)])
            self._notifier.announce(connection)

    def notify(self) -> None:
        """Wake who waits for the queue."""
        self._notifier.notify()

    def claim(
        self, owner: str, lease: timedelta, now: datetime | None, *, prefer: str = ""
    ) -> Claim | None:
        """Claim the key that has been claimable for longest; None if there is none.

        Keys that begin with `prefer` come before all others.
        """
        time = self._database.now(now)
        with self._database.write() as connection:
            while row := self._first(connection, time, prefer):
                abnormal_ends = row.abnormal_ends + (row.owner is not None)
                if abnormal_ends < MAX_ABNORMAL_ENDS:
                    claim = Claim(row.key, owner, row.generation + 1, row.attempts + 1)
                    values = {"new_attempts": claim.attempts, "new_abnormal_ends": abnormal_ends}
                    values |= time | {"lease": lease.total_seconds()} | _parameters(claim)
                    connection.execute(self._statements.claim, values)
                    return claim
                connection.execute(_quarantine(row))
        return None

    def _first(
        self, connection: sa.Connection, time: dict[str, float | None], prefer: str
    ) -> sa.Row[Any] | None:
        preferred = time | {"prefix": escaped(prefer)}
        found = (
            connection.execute(self._statements.preferred, preferred).first() if prefer else None
        )
        return found or connection.execute(self._statements.first, time).first()

    def heartbeat(self, claim: Claim, lease: timedelta, now: datetime | None) -> bool:
        """Renew the lease; False if another worker has claimed the key."""
        parameters = self._database.now(now) | {"lease": lease.total_seconds()}
        return self._write(claim, self._statements.heartbeat, parameters)

    def confirm(self, claim: Claim, lease: timedelta, now: datetime | None) -> bool:
        """Whether the claim is valid, for half a lease from now at least; renewed if need be."""
        parameters = self._database.now(now) | {"lease": lease.total_seconds() / 2}
        with self._database.read() as connection:
            valid = connection.scalar(self._statements.valid, parameters | _parameters(claim))
        return valid is not None or self.heartbeat(claim, lease, now)

    def done(self, claim: Claim, next_due: datetime | None) -> bool:
        """Record a success, with the next pass at `next_due`; False if the claim was lost.

        An earlier time set by a trigger during the pass is kept.
        """
        if next_due is None:
            return self._write(claim, DONE, {})
        return self._write(claim, DONE_UNTIL, {"at": seconds(next_due)})

    def retry(self, claim: Claim, error: str, due: datetime) -> bool:
        """Record a failure, with the next pass at `due` or an earlier trigger."""
        return self._write(claim, RETRY, {"at": seconds(due), "error": clean(error)})

    def postpone(self, claim: Claim, due: datetime) -> bool:
        """Give a claim back without a pass: it counts as no attempt, and is due then or earlier."""
        parameters = {"at": seconds(due), "before": claim.attempts - 1} | _parameters(claim)
        with self._database.write() as connection:
            given_back = bool(connection.execute(POSTPONE, parameters).rowcount)
            self._notifier.announce(connection)
        self._notifier.notify()
        return given_back

    def _write(self, claim: Claim, update: sa.Update, parameters: dict[str, Any]) -> bool:
        with self._database.write() as connection:
            return bool(connection.execute(update, parameters | _parameters(claim)).rowcount)

    def bound(self, lease: timedelta, now: datetime | None) -> int:
        """Shorten leases that end later than any can, by a clock that was wrong; how many."""
        longest = self._database.time + lease.total_seconds()
        shortened = (
            sa.update(queue).where(queue.c.lease_until > longest).values(lease_until=longest)
        )
        with self._database.write() as connection:
            return connection.execute(shortened, self._database.now(now)).rowcount

    def prune(self) -> int:
        """Delete keys that need no pass and are in none; returns how many.

        A claim whose key was deleted has lost it: its holder claims only one at a time.
        """
        with self._database.write() as connection:
            return connection.execute(DELETE_IDLE).rowcount

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

    def depth(self, now: datetime) -> Depth:
        """How many keys are in which state, and since when the oldest one has been due."""
        at, this = seconds(now), queue.c
        claimed = sa.and_(this.owner.is_not(None), this.lease_until > at)
        state = sa.case(
            (this.quarantined.is_not(None), "quarantined"),
            (claimed, "running"),
            (claimable_at <= at, "due"),
            else_="later",
        )
        idle = sa.and_(claimable_at.is_(None), this.quarantined.is_(None))
        found = sa.select(state, sa.func.count(), sa.func.min(this.due)).where(~idle)
        with self._database.read() as connection:
            rows = connection.execute(found.group_by(state)).all()
        oldest = next((first for name, _, first in rows if name == "due"), None)
        return Depth({name: count for name, count, _ in rows}, _moment(oldest))

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


def _quarantine(row: Any) -> sa.Update:
    """Quarantine a key; its pass stays due since the last lease expired."""
    due = _earlier(queue.c.due, row.lease_until)
    values = {**UNCLAIMED, "due": due, "quarantined": QUARANTINE}
    return sa.update(queue).where(queue.c.key == row.key).values(**values)


def _parameters(claim: Claim) -> dict[str, Any]:
    return {"a_key": claim.key, "an_owner": claim.owner, "a_generation": claim.generation}


def _moment(value: float | None) -> datetime | None:
    return None if value is None else moment(value)
