"""Transactions on the database, and the differences between SQLite and PostgreSQL."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakSet

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.store.errors import FAILURES, PERMANENT, StoreError, store_error
from bot.store.outage import Outages

BUSY_MS = 10_000
MAX_TEXT = 2_000
CONNECT_SECONDS = 5
STALLED_SECONDS = 20.0
LIMITS = (
    "SET lock_timeout = '5s'",
    "SET statement_timeout = '15s'",
    "SET idle_in_transaction_session_timeout = '15s'",
)
"""A replica that stops in the middle of a transaction does not stop the others."""
UNLIMITED = ("SET LOCAL lock_timeout = 0", "SET LOCAL statement_timeout = 0")


@dataclass(frozen=True, slots=True)
class JsonRows:
    """A table made of the parameter `rows`: JSON text, a list of lists of strings."""

    table: sa.FromClause
    columns: list[sa.ColumnElement[str]]


class Database:
    """An engine, with the differences between SQLite and PostgreSQL.

    SQLite allows one writer at a time. The threads of this process wait on a fair lock of their
    own; only other processes wait on SQLite's lock, which is polled.

    Whatever the database fails with is a StoreError, and noted in `outages`. Statements that are
    executed often are built once, with parameters: building one costs as much as executing it.
    """

    def __init__(self, url: str, *, dry: bool = False) -> None:
        self._dry = dry
        parsed = sa.engine.make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.file = Path(parsed.database) if self.is_sqlite and parsed.database else None
        self.outages = Outages()
        limits: dict[str, Any] = {} if self.is_sqlite else {"connect_timeout": CONNECT_SECONDS}
        self.engine = sa.create_engine(url, pool_pre_ping=not self.is_sqlite, connect_args=limits)
        self._write_lock = threading.Lock() if self.is_sqlite else nullcontext()
        self._identity: tuple[int, int] | None = None
        self._running: dict[object, float] = {}
        self._drivers: WeakSet[psycopg.Connection] = WeakSet()
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _configure_sqlite)
        else:
            sa.event.listen(self.engine, "connect", self._configure_postgresql)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A read-only transaction on a consistent state of the database.

        Raises:
            StoreError: the database cannot be read now.
        """
        with self._guarded(), self.engine.connect() as connection:
            self._begin(connection, "BEGIN")
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction, committed when the block ends without an exception, or rolled back if dry.

        Raises:
            StoreError: the database cannot be written now; whether it was is unknown.
        """
        with self._guarded():
            before = self._identity
            with self._write_lock, self.engine.begin() as connection:
                self._begin(connection, "BEGIN IMMEDIATE")
                yield connection
                if self._dry:
                    connection.rollback()
            self._check_file()
            if self._identity != before:
                raise self.outages.begin(StoreError(f"{self.file} was opened again meanwhile"))

    def _begin(self, connection: sa.Connection, how: str) -> None:
        """Begin on SQLite; a writer takes the lock at once, since a reader's upgrade could fail.

        A listener to SQLAlchemy's `begin` would make every statement look for listeners.
        """
        if self.is_sqlite:
            connection.exec_driver_sql(how)

    def connect(self) -> sa.Connection:
        """A connection beside those of transactions, to be closed by the caller.

        Raises:
            StoreError: the database cannot be reached now.
        """
        with self._guarded():
            connection = self.engine.connect()
            connection.detach()
            return connection

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        token = object()
        self._running[token] = time.monotonic()
        try:
            self._check_file()
            yield
        except PERMANENT:
            raise
        except FAILURES as error:
            raise self.outages.begin(store_error(error)) from error
        finally:
            del self._running[token]

    def _check_file(self) -> None:
        """SQLite goes on with a file that was deleted, and nobody would ever find it again."""
        if self._identity is not None and _identity(self.file) != self._identity:
            raise self.outages.begin(StoreError(f"{self.file} was deleted or replaced"))

    def settle(self) -> None:
        """Note which file the tables are in, once they are."""
        self._identity = _identity(self.file)

    def forget(self) -> None:
        """Close all connections and forget the file, to open the database again."""
        self._identity = None
        self.engine.dispose()

    def break_stalled(self) -> bool:
        """Break all connections if a transaction takes too long: nothing else ends a server's hang.

        PostgreSQL limits the time of its statements itself, while it runs.
        """
        now = time.monotonic()
        if all(now - started < STALLED_SECONDS for started in list(self._running.values())):
            return False
        for driver in list(self._drivers):
            with suppress(OSError, psycopg.Error):
                _shut_down(driver)
        return True

    def _configure_postgresql(self, driver: psycopg.Connection, _: object) -> None:
        driver.autocommit = True
        for statement in LIMITS:
            driver.execute(statement.encode())
        driver.autocommit = False
        self._drivers.add(driver)

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that supports ON CONFLICT."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def json(self, name: str) -> sa.ColumnElement[Any]:
        """A parameter of JSON text for a JSON column, which is not encoded again."""
        value = sa.bindparam(name, type_=sa.Text)
        return value if self.is_sqlite else sa.cast(value, sa.JSON)

    def rows(self, width: int) -> JsonRows:
        """The parameter `rows`, JSON text of lists of `width` strings, as a table."""
        given = sa.bindparam("rows", type_=sa.Text)
        columns: list[sa.ColumnElement[str]] = []
        if self.is_sqlite:
            table = sa.func.json_each(given).table_valued("value", name="wanted")
            columns += [sa.func.json_extract(table.c.value, f"$[{n}]") for n in range(width)]
        else:
            elements = sa.func.json_array_elements(sa.cast(given, sa.JSON))
            table = elements.table_valued(sa.column("value", sa.JSON), name="wanted")
            columns += [table.c.value.op("->>")(sa.literal_column(str(n))) for n in range(width)]
        return JsonRows(table, columns)

    @property
    def time(self) -> sa.ColumnElement[float]:
        """The parameter `now` in seconds since 1970, as SQL; NULL is PostgreSQL's own clock."""
        given: sa.ColumnElement[float] = sa.bindparam("now", type_=sa.Double)
        if self.is_sqlite:
            return given
        epoch = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
        return sa.select(sa.func.coalesce(given, epoch)).scalar_subquery()

    def now(self, now: datetime | None) -> dict[str, float | None]:
        """The parameter of `time`.

        Raises:
            ValueError: None with SQLite, whose processes share the clock of one machine.
        """
        if now is None and self.is_sqlite:
            raise ValueError("SQLite has no server clock: pass `now`")
        return {"now": None if now is None else seconds(now)}

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _shut_down(driver: psycopg.Connection) -> None:
    """Shut the socket down under a connection, which another thread may wait for."""
    with socket.socket(fileno=os.dup(driver.fileno())) as connection:
        connection.shutdown(socket.SHUT_RDWR)


def _identity(file: Path | None) -> tuple[int, int] | None:
    """Which file is at this path; None if there is none."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found is not None else None


def _configure_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def seconds(moment: datetime) -> float:
    """A time as seconds since 1970, which both databases compare equally.

    Raises:
        ValueError: the time has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.timestamp()


def moment(value: float) -> datetime:
    """Seconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(value, UTC)


def clean(text: str) -> str:
    """Text that both databases accept: no NUL or lone surrogates, at most MAX_TEXT characters."""
    encodable = text[:MAX_TEXT].replace("\0", "\ufffd").encode("utf-8", "replace")
    return encodable.decode()


def escaped(prefix: str) -> str:
    """A text as LIKE reads it with the escape character `/`."""
    return prefix.replace("/", "//").replace("%", "/%").replace("_", "/_")
