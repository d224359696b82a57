"""One database for all parts of the store: transactions, and what differs between dialects."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

BUSY_MS = 10_000
MAX_TEXT = 2_000


class Database:
    """An engine with the few things that differ between SQLite and PostgreSQL.

    SQLite has one writer at a time. The threads of this process queue up for that on a lock of
    their own, which is fair; only other processes meet SQLite's, which is polled.
    """

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url, pool_pre_ping=True)
        self._writing = self.engine.execution_options(writing=True)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._turn = threading.Lock() if self.is_sqlite else nullcontext()
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _configure_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database and changes nothing."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction, durable when the block ends without an exception."""
        with self._turn, self._writing.begin() as connection:
            yield connection

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that can say ON CONFLICT."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def json(self, text: str) -> sa.ColumnElement[Any]:
        """JSON text as the value of a JSON column, which is not encoded again."""
        value = sa.literal(text, sa.Text)
        return value if self.is_sqlite else sa.cast(value, sa.JSON)

    def time(self, now: datetime | None) -> sa.ColumnElement[float]:
        """A moment in seconds since 1970, as SQL; None is PostgreSQL's own clock.

        Raises:
            ValueError: SQLite was asked for its clock. Its processes share one machine's clock, so
                the caller's is as good.
        """
        if now is not None:
            return sa.literal(seconds(now), sa.Double)
        if self.is_sqlite:
            raise ValueError("SQLite has no clock of its own: pass `now`.")
        epoch = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
        return sa.select(epoch).scalar_subquery()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _configure_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    """Writers take the write lock at once: a reader that becomes one could fail half-way."""
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def seconds(moment: datetime) -> float:
    """A moment as seconds since 1970, which both databases compare alike.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone; the store keeps only moments that have one.")
    return moment.timestamp()


def moment(value: float) -> datetime:
    """Seconds since 1970 as a moment in UTC."""
    return datetime.fromtimestamp(value, UTC)


def clean(text: str) -> str:
    """Text that both databases can keep: no NUL or lone surrogate, at most MAX_TEXT characters."""
    encodable = text[:MAX_TEXT].replace("\0", "\ufffd").encode("utf-8", "replace")
    return encodable.decode()
