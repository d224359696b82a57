"""Wakes waiting workers when a key becomes due: in this process, or with PostgreSQL in all.

Only a hint: a woken worker reads the queue, and any other reads it when its timeout ends. Used by
`Queue`.
"""

import threading
from contextlib import suppress
from typing import Protocol

import psycopg
import sqlalchemy as sa

from bot.store.database import Database
from bot.store.errors import StoreError

CHANNEL = "switchyard_queue"


class Notifier(Protocol):
    """Notifications of triggers; one that nobody waits for ends the next wait."""

    def announce(self, connection: sa.Connection) -> None:
        """Called inside the transaction of the trigger."""

    def notify(self) -> None:
        """Called after the commit."""

    def wait(self, timeout_seconds: float) -> None:
        """Block until a notification, close or the timeout."""

    def close(self) -> None:
        """Wake all waiting threads."""


class LocalNotifier:
    """For SQLite: notifies threads of this process."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def announce(self, connection: sa.Connection) -> None:
        """Nothing: a failed trigger must not notify."""

    def notify(self) -> None:
        """Wake every waiting thread."""
        self._event.set()

    def wait(self, timeout_seconds: float) -> None:
        """Block until a notification or the timeout."""
        self._event.wait(timeout_seconds)
        self._event.clear()

    def close(self) -> None:
        """Wake every waiting thread."""
        self._event.set()


class PostgresNotifier:
    """NOTIFY at commit; one thread of each process waits on a separate connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting = threading.Lock()
        self._connection: sa.Connection | None = None
        self._closed = False

    def announce(self, connection: sa.Connection) -> None:
        """PostgreSQL delivers the notification if and only if the transaction commits."""
        connection.exec_driver_sql(f"NOTIFY {CHANNEL}")

    def notify(self) -> None:
        """Nothing: the commit has notified."""

    def wait(self, timeout_seconds: float) -> None:
        """Block until a notification, a broken connection or the timeout.

        Raises:
            StoreError: PostgreSQL cannot be reached.
        """
        with self._waiting:
            if self._connection is None and not self._closed:
                self._connection = self._listen()
            if self._connection is None or self._closed:
                return
            try:
                for _ in _driver(self._connection).notifies(timeout=timeout_seconds, stop_after=1):
                    pass
            except psycopg.OperationalError:
                self._disconnect()

    def close(self) -> None:
        """Wake the waiting thread with a notification; other processes find nothing due."""
        self._closed = True
        if self._connection is not None:
            with suppress(StoreError), self._database.write() as connection:
                self.announce(connection)
        with self._waiting:
            self._disconnect()

    def _listen(self) -> sa.Connection:
        connection = self._database.connect()
        driver = _driver(connection)
        try:
            driver.autocommit = True
            driver.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error as error:
            connection.close()
            raise StoreError(str(error)) from error
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _driver(connection: sa.Connection) -> psycopg.Connection:
    found: object = connection.connection.dbapi_connection
    assert isinstance(found, psycopg.Connection)
    return found
