"""Wakes a waiting worker when a key was made due: in this process, or on PostgreSQL in any.

Only a hint: whoever is woken looks at the queue, and whoever is not looks when its timeout ends.
Used by `Queue` alone.
"""

import threading
from contextlib import suppress
from typing import Protocol

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from bot.store.database import Database

CHANNEL = "switchyard_queue"


class Notifier(Protocol):
    """Rung by triggers; a ring that nobody waits for is heard by the next wait."""

    def announce(self, connection: sa.Connection) -> None:
        """Inside the trigger's transaction."""

    def notify(self) -> None:
        """After it was committed."""

    def wait(self, timeout_seconds: float) -> None:
        """Block until it rings, is closed, or the time is over."""

    def close(self) -> None:
        """Wake whoever waits."""


class LocalNotifier:
    """For SQLite: heard in this process."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def announce(self, connection: sa.Connection) -> None:
        """Nothing yet: a trigger that fails is not to be heard."""

    def notify(self) -> None:
        """Wake every waiting thread."""
        self._rung.set()

    def wait(self, timeout_seconds: float) -> None:
        """Block until it rings or the time is over."""
        self._rung.wait(timeout_seconds)
        self._rung.clear()

    def close(self) -> None:
        """Wake every waiting thread."""
        self._rung.set()


class PostgresNotifier:
    """NOTIFY at commit, heard by one waiting thread of every process on a connection of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting = threading.Lock()
        self._line: sa.Connection | None = None
        self._closed = False

    def announce(self, connection: sa.Connection) -> None:
        """PostgreSQL delivers it when, and only when, the transaction commits."""
        connection.exec_driver_sql(f"NOTIFY {CHANNEL}")

    def notify(self) -> None:
        """Nothing more: the commit rang."""

    def wait(self, timeout_seconds: float) -> None:
        """Block until it rings, the connection breaks, or the time is over.

        Raises:
            sqlalchemy.exc.OperationalError: PostgreSQL cannot be reached.
        """
        with self._waiting:
            if self._line is None and not self._closed:
                self._line = self._listen()
            if self._line is None or self._closed:
                return
            try:
                for _ in _driver(self._line).notifies(timeout=timeout_seconds, stop_after=1):
                    pass
            except psycopg.OperationalError:
                self._hang_up()

    def close(self) -> None:
        """Wake whoever waits by a ring that every process hears and finds nothing behind."""
        self._closed = True
        if self._line is not None:
            with suppress(OperationalError), self._database.write() as connection:
                self.announce(connection)
        with self._waiting:
            self._hang_up()

    def _listen(self) -> sa.Connection:
        line = self._database.engine.connect()
        line.detach()
        driver = _driver(line)
        driver.autocommit = True
        driver.execute(f"LISTEN {CHANNEL}")
        return line

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


def _driver(line: sa.Connection) -> psycopg.Connection:
    found: object = line.connection.dbapi_connection
    assert isinstance(found, psycopg.Connection)
    return found
