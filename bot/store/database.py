"""Transactions on the database, and the differences between SQLite and PostgreSQL."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

BUSY_MS = 10_000
MAX_TEXT = 2_000


@dataclass(frozen=True, slots=True)
class JsonRows:
    """A table made of JSON, its columns, and the parameters of the query that reads it."""

    table: sa.FromClause
    columns: list[sa.ColumnElement[str]]
    parameters: dict[str, str]


class Database:
    """An engine, with the differences between SQLite and PostgreSQL.

    SQLite allows one writer at a time. The threads of this process wait on a fair lock of their
    own; only other processes wait on SQLite's lock, which is polled.
    """

    def __init__(self, url: str) -> None:
        self.is_sqlite = sa.make_url(url).get_backend_name() == "sqlite"
        self.engine = sa.create_engine(url, pool_pre_ping=not self.is_sqlite)
        self._writing = self.engine.execution_options(writing=True)
        self._write_lock = threading.Lock() if self.is_sqlite else nullcontext()
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _configure_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A read-only transaction on a consistent state of the database."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction, committed when the block ends without an exception."""
        with self._write_lock, self._writing.begin() as connection:
            yield connection

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that supports ON CONFLICT."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def json(self, text: str) -> sa.ColumnElement[Any]:
        """JSON text as the value of a JSON column, which is not encoded again."""
        value = sa.literal(text, sa.Text)
        return value if self.is_sqlite else sa.cast(value, sa.JSON)

    def rows(self, text: str, width: int) -> "JsonRows":
        """JSON text, a list of lists of `width` strings, as a table of one query."""
        given = sa.bindparam("rows", type_=sa.Text)
        columns: list[sa.ColumnElement[str]] = []
        if self.is_sqlite:
            table = sa.func.json_each(given).table_valued("value", name="wanted")
            columns += [sa.func.json_extract(table.c.value, f"$[{n}]") for n in range(width)]
        else:
            elements = sa.func.json_array_elements(sa.cast(given, sa.JSON))
            table = elements.table_valued(sa.column("value", sa.JSON), name="wanted")
            columns += [table.c.value.op("->>")(sa.literal_column(str(n))) for n in range(width)]
        return JsonRows(table, columns, {"rows": text})

    def time(self, now: datetime | None) -> sa.ColumnElement[float]:
        """A time in seconds since 1970, as SQL; None is PostgreSQL's own clock.

        Raises:
            ValueError: None with SQLite, whose processes share the clock of one machine.
        """
        if now is not None:
            return sa.literal(seconds(now), sa.Double)
        if self.is_sqlite:
            raise ValueError("SQLite has no server clock: pass `now`")
        epoch = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
        return sa.select(epoch).scalar_subquery()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _configure_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    """Writers take the write lock immediately; upgrading a read transaction could fail."""
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


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
