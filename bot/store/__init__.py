"""The database: inbox, queue, reports, messages, cached views, audit log; SQLite or PostgreSQL.

Synchronous; the shell calls it in threads. Times are arguments. Nothing stored here is the source
of truth of a rollout: Git and the forges are.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from bot.clock import Clock
from bot.store.audit import Audit
from bot.store.clock import DatabaseClock
from bot.store.database import Database
from bot.store.errors import ClaimLostError, DamagedStoreError, StoreError
from bot.store.inbox import Inbox
from bot.store.keys import PROBE
from bot.store.lease import Leases
from bot.store.messages import Messages
from bot.store.queue import Queue, Trigger
from bot.store.reports import Reports
from bot.store.schema import migrate
from bot.store.views import Views

__all__ = ["ClaimLostError", "Store", "StoreError"]

log = structlog.get_logger()


class Store:
    """All parts of the store, over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.inbox = Inbox(database)
        self.queue = Queue(database)
        self.reports = Reports(database)
        self.messages = Messages(database)
        self.views = Views(database)
        self.leases = Leases(self.views)
        self.audit = Audit(database)
        self._clock: DatabaseClock | None = None

    @classmethod
    def open(cls, url: str) -> "Store":
        """Open a database and migrate its tables; safe to call concurrently.

        A damaged SQLite file is moved aside: it holds nothing that cannot be rebuilt.

        Raises:
            StoreError: the database cannot be opened now.
        """
        database = Database(url)
        try:
            _prepare(database)
        except StoreError:
            database.close()
            raise
        return cls(database)

    @classmethod
    def open_dry(cls, url: str) -> "Store":
        """Open the database of a service so that nothing is written: not even its tables.

        Raises:
            StoreError: there is no such file.
        """
        database = Database(url, dry=True)
        if database.file is not None and not database.file.exists():
            raise StoreError(f"{database.file} does not exist; run this where the service runs")
        database.settle()
        return cls(database)

    @property
    def is_out(self) -> bool:
        """Whether the database could not be used lately; `mend` and `probe` end that."""
        return self._database.outages.is_out

    def shared_clock(self, local: Clock) -> Clock:
        """The clock of all processes on this database; SQLite's are on one machine.

        Raises:
            StoreError: the database cannot be read.
        """
        if self._database.is_sqlite:
            return local
        self._clock = DatabaseClock(self._database, local)
        return self._clock

    def hand_on(
        self, ids: Sequence[int], hints: Mapping[str, dict[str, Any]], triggers: Iterable[Trigger]
    ) -> None:
        """Keep what deliveries say, as hints and due keys, and mark them as processed: one commit.

        Raises:
            StoreError: the database cannot be written; the deliveries are pending still.
        """
        with self._database.write() as connection:
            self.views.put_in(connection, hints)
            self.queue.put(connection, triggers)
            self.inbox.done(connection, ids)
        self.queue.notify()

    def probe(self) -> bool:
        """Write, and note that it succeeded; whether that ended an outage.

        Raises:
            StoreError: the database cannot be written.
        """
        self.views.put(PROBE, {})
        if self._clock is not None:
            self._clock.sync()
        return self._database.outages.end()

    def mend(self) -> None:
        """Open the database again after a failure; without its tables it is made anew.

        Raises:
            StoreError: the database cannot be opened now.
        """
        self._database.forget()
        _prepare(self._database)

    def break_stalled(self) -> None:
        """Break connections on which a transaction has waited too long."""
        if self._database.break_stalled():
            log.warning("database connections broken: a transaction has waited too long")

    def close(self) -> None:
        """Wake threads that wait for the queue, and close all connections."""
        self.queue.close()
        self._database.close()


def _prepare(database: Database) -> None:
    """Create the tables, or bring them up to date."""
    try:
        migrate(database)
    except DamagedStoreError as error:
        if database.file is None:
            raise
        database.forget()
        aside = _move_aside(database.file)
        log.error(  # noqa: TRY400 - one line
            "database damaged: starting with an empty one", kept=str(aside), reason=str(error)
        )
        migrate(database)
    database.settle()


def _move_aside(file: Path) -> Path:
    """Rename a database with its log; at most one damaged one is kept."""
    aside = file.with_name(f"{file.name}.damaged")
    for suffix in ("", "-wal", "-shm"):
        source = file.with_name(file.name + suffix)
        if source.exists():
            source.replace(aside.with_name(aside.name + suffix))
    return aside
