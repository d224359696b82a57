"""The database of a world: SQLite in memory, or PostgreSQL for some; and how it fails.

Each process of the bot has a store of its own over it, with the statements of `bot.store`. Calls of
the store happen one at a time, so that SQLite needs one connection, and transactions for writes.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa

from bot.store import Store
from bot.store.database import Database
from bot.store.tables import metadata
from tests.fakes import postgres
from tests.simulation.faults import Faults

if TYPE_CHECKING:
    from tests.simulation.world import World

MEMORY = "sqlite://"
DUE = "SELECT min(coalesce(lease_until, due)) FROM queue WHERE quarantined IS NULL"
WAITING = "SELECT count(*) FROM inbox WHERE NOT done"
HOOKS = "SELECT delivery_id FROM inbox"
TABLES = (*metadata.tables, "alembic_version")
REASON = ConnectionError("connection refused")


@cache
def _connection() -> sa.Connection:
    """The one connection to SQLite in memory of this process: what SQLAlchemy compiled stays."""
    connection = sa.create_engine(MEMORY, poolclass=sa.pool.StaticPool).connect()
    _driver(connection).isolation_level = None
    return connection


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.dbapi_connection


@cache
def _template() -> Store:
    return Store.open(MEMORY)


@cache
def _postgresql() -> str:
    """A database with tables, which the worlds of this process use one after another."""
    server = postgres.server()
    name = server.create()
    Store.open(server.url(name)).close()
    return server.url(name)


@dataclass(slots=True)
class SharedDatabase:
    """What all processes of a world share: the database, and the news that it changed."""

    world: "World"
    is_away: bool = False
    lost_at: float = -1.0
    troubles: int = 0
    url: str = MEMORY
    driver: Any = field(init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        if self.world.faults.choose("database", *[MEMORY] * 99, "postgresql") == MEMORY:
            self.driver = _driver(_connection())
            with _template()._database.engine.connect() as connection:
                _driver(connection).backup(self.driver)
            return
        self.url = _postgresql()
        name = sa.engine.make_url(self.url)
        self.driver = psycopg.connect(
            f"host={name.query['host']} user=tests dbname={name.database}", autocommit=True
        )
        self.driver.execute(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")

    @property
    def is_sqlite(self) -> bool:
        """Whether it is SQLite."""
        return self.url == MEMORY

    def store(self, faults: Faults | None = None) -> Store:
        """The store of one process; without `faults` it never fails."""
        return Store(SimulatedDatabase(self, faults))

    def changed(self) -> None:
        """Wake who waits for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    def hooks(self) -> set[str]:
        """The ids of the deliveries in the inbox."""
        return {each for (each,) in self.driver.execute(HOOKS).fetchall()}

    async def wait_for_keys(self, now: Callable[[], datetime]) -> None:
        """Return when a key can be claimed, by a replica's clock."""
        while True:
            due = self._one(DUE)
            left = due - now().timestamp() if due is not None else None
            if left is not None and left <= 0:
                return
            await self._wait(left)

    async def wait_for_hooks(self) -> None:
        """Return when there are deliveries in the inbox."""
        while not self._one(WAITING):
            await self._wait(None)

    def _one(self, query: str) -> Any:
        with suppress(sqlite3.Error, psycopg.Error):
            return self.driver.execute(query).fetchone()[0]
        return None

    async def _wait(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def trouble(self) -> None:
        """Be away for a while, or lose everything, where the seed says so."""
        faults, world = self.world.faults, self.world
        kind = faults.choose("database trouble", "", "", "", "away", "lost")
        if not kind or not faults.allow(f"database {kind}"):
            return
        await asyncio.sleep(world.faulty * 0.8 * faults.number("database trouble begins"))
        world.note("database trouble", kind=kind)
        self.troubles += 1
        if kind == "away":
            self.is_away = True
            await asyncio.sleep(1 + 60 * faults.number("database is away"))
            self.heal()
        else:
            self._lose()

    def heal(self) -> None:
        """Be there again."""
        self.is_away = False
        self.changed()

    def _lose(self) -> None:
        """Lose all tables, as when somebody deletes the file or the database."""
        for name in TABLES:
            self.driver.execute(f"DROP TABLE {name}")
        self.lost_at = self.world.loop.time()
        self.world.forget_acknowledged()
        self.changed()

    def close(self) -> None:
        """Close the connection to PostgreSQL, with tables for the next world."""
        if self.is_sqlite:
            return
        self.driver.close()
        if self.lost_at >= 0:
            Store.open(self.url).close()


class SimulatedDatabase(Database):
    """The database as a process of the bot meets it."""

    def __init__(self, shared: SharedDatabase, faults: Faults | None) -> None:
        super().__init__(shared.url)
        self._shared, self._faults = shared, faults

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        with self._guarded():
            self._draw()
            if not self.is_sqlite:
                with super().read() as connection:
                    yield connection
                return
            yield _connection()

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        with self._guarded():
            fault = self._draw()
            if self.is_sqlite:
                with self._transaction() as connection:
                    yield connection
            else:
                with super().write() as connection:
                    yield connection
            self._shared.changed()
            if fault == "error after":
                raise _refusal()

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        driver = self._shared.driver
        driver.execute("BEGIN")
        try:
            yield _connection()
        except BaseException:
            driver.execute("ROLLBACK")
            raise
        driver.execute("COMMIT")

    def _draw(self) -> str:
        """What goes wrong; an error before the effect is raised."""
        if self._faults is None:
            return ""
        fault = self._faults.draw("store")
        if fault == "error before" or self._shared.is_away:
            raise _refusal()
        return fault

    def forget(self) -> None:
        """Nothing: the tables of SQLite are in the connection."""
        if not self.is_sqlite:
            super().forget()


def _refusal() -> sa.exc.OperationalError:
    return sa.exc.OperationalError("", {}, REASON)
