"""One database for all parts: transactions that begin as writers, and upserts on both dialects."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

CONNECT_SECONDS = 10
BUSY_MS = 10_000


class Database:
    """An engine with the few things that differ between SQLite and PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url, pool_pre_ping=True)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _configure_sqlite)
            sa.event.listen(self.engine, "begin", _begin_immediate)

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction, durable when the block ends without an exception."""
        with self.engine.begin() as connection:
            yield connection

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that can say ON CONFLICT."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def least(self, left: Any, right: Any) -> Any:
        """The smaller of two values."""
        return sa.func.min(left, right) if self.is_sqlite else sa.func.least(left, right)

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _configure_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.close()


def _begin_immediate(connection: sa.Connection) -> None:
    """Take the write lock at once: a reader that becomes a writer could fail half-way."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def seconds(moment: datetime) -> float:
    """A moment as seconds since 1970, which both databases compare alike."""
    return moment.timestamp()


def moment(value: float) -> datetime:
    """Seconds since 1970 as a moment in UTC."""
    return datetime.fromtimestamp(value, UTC)
