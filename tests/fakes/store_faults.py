"""Faults of real databases: what a store meets while one lasts, and after it.

Each is a context manager: the fault begins when it is entered and is over when it is left. SQLite's
are made with SQLite's own means (`query_only`, `max_page_count`: "PRAGMA Statements" of its
documentation; a file size limit as `write(2)` tells of EFBIG), those of PostgreSQL on a real server
("Server Signaling Functions", `ALTER DATABASE`, `ALTER ROLE` of its documentation).
"""

import os
import resource
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from bot.store import Store
from tests.fakes import postgres

StoreFault = Callable[[Store], AbstractContextManager[None]]


def _file(store: Store) -> Path:
    file = store._database.file
    assert file is not None
    return file


def _remove(store: Store, *suffixes: str) -> None:
    for suffix in suffixes:
        file = _file(store)
        file.with_name(file.name + suffix).unlink(missing_ok=True)


@contextmanager
def deleted(store: Store) -> Iterator[None]:
    """Somebody removes the file, with what SQLite keeps beside it."""
    _remove(store, "", "-wal", "-shm")
    yield


@contextmanager
def folder_deleted(store: Store) -> Iterator[None]:
    """Somebody removes the whole folder."""
    shutil.rmtree(_file(store).parent)
    yield


@contextmanager
def overwritten(store: Store) -> Iterator[None]:
    """A disk returns rubbish for every page that is not in memory."""
    store._database.engine.dispose()
    with _file(store).open("r+b") as file:
        file.write(b"rubbish " * (_file(store).stat().st_size // 8))
    _remove(store, "-wal", "-shm")
    yield


@contextmanager
def truncated(store: Store) -> Iterator[None]:
    """The file ends in the middle."""
    store._database.engine.dispose()
    os.truncate(_file(store), _file(store).stat().st_size // 2)
    yield


@contextmanager
def _pragma(store: Store, pragma: str) -> Iterator[None]:
    """Each new connection begins with a pragma. A listener would be added while others connect."""
    engine = store._database.engine
    creator = engine.pool._creator

    def create(record: Any) -> Any:
        connection = creator(record)
        connection.execute(f"PRAGMA {pragma}")
        return connection

    engine.pool._creator = create
    engine.dispose()
    try:
        yield
    finally:
        engine.pool._creator = creator
        engine.dispose()


def read_only(store: Store) -> AbstractContextManager[None]:
    """SQLITE_READONLY for every write."""
    return _pragma(store, "query_only=ON")


def full(store: Store) -> AbstractContextManager[None]:
    """SQLITE_FULL for every write that needs another page."""
    return _pragma(store, "max_page_count=1")


@contextmanager
def failing_disk(store: Store) -> Iterator[None]:
    """SQLITE_IOERR_WRITE: no file can grow."""
    store._database.engine.dispose()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def locked(store: Store) -> Iterator[None]:
    """Another process holds the lock for writers."""
    other = sqlite3.connect(_file(store), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


SQLITE: dict[str, StoreFault] = {
    each.__name__: each
    for each in (
        deleted,
        folder_deleted,
        overwritten,
        truncated,
        read_only,
        full,
        failing_disk,
        locked,
    )
}
HEALS = ("deleted", "folder_deleted", "overwritten", "truncated")
"""Those after which the store is opened anew, without what was in it."""


def _name(store: Store) -> str:
    return str(store._database.engine.url.database)


def _backends(store: Store) -> list[int]:
    return postgres.server().pids(_name(store))


def _terminate(store: Store) -> None:
    for pid in _backends(store):
        postgres.server().execute(f"SELECT pg_terminate_backend({pid})")


@contextmanager
def away(store: Store) -> Iterator[None]:
    """Every connection ends, and no new one is accepted."""
    server = postgres.server()
    server.execute(f"ALTER DATABASE {_name(store)} ALLOW_CONNECTIONS false")
    _terminate(store)
    try:
        yield
    finally:
        server.execute(f"ALTER DATABASE {_name(store)} ALLOW_CONNECTIONS true")


@contextmanager
def cut_off(store: Store) -> Iterator[None]:
    """Nothing that this process sends reaches the server any more, as when it is dead."""
    engine = store._database.engine

    def refuse(*_: object) -> None:
        raise psycopg.OperationalError("no route to host")

    sa.event.listen(engine, "do_connect", refuse)
    engine.dispose()
    try:
        yield
    finally:
        sa.event.remove(engine, "do_connect", refuse)


@contextmanager
def out_of_connections(store: Store) -> Iterator[None]:
    """The role has no connection left (SQLSTATE 53300), as when `max_connections` is reached."""
    server, role = postgres.server(), f"of_{_name(store)}"
    server.execute(f"CREATE ROLE {role} LOGIN SUPERUSER")
    engine = store._database.engine

    def as_role(_: object, __: object, ___: object, how: dict[str, object]) -> None:
        how["user"] = role

    server.execute(f"ALTER ROLE {role} NOSUPERUSER CONNECTION LIMIT 0")
    sa.event.listen(engine, "do_connect", as_role)
    _terminate(store)
    try:
        yield
    finally:
        sa.event.remove(engine, "do_connect", as_role)
        server.execute(f"DROP ROLE {role}")


@contextmanager
def read_only_server(store: Store) -> Iterator[None]:
    """Every transaction is read-only (SQLSTATE 25006), as on a standby after a failover.

    Connections made meanwhile stay so: `default_transaction_read_only` counts when one begins.
    """
    server = postgres.server()
    server.execute(f"ALTER DATABASE {_name(store)} SET default_transaction_read_only = on")
    _terminate(store)
    try:
        yield
    finally:
        server.execute(f"ALTER DATABASE {_name(store)} RESET default_transaction_read_only")


@contextmanager
def row_locked(store: Store) -> Iterator[None]:
    """Another replica stopped in the middle of a transaction."""
    with psycopg.connect(postgres.server()._conninfo(_name(store))) as connection:
        connection.execute(b"LOCK TABLE views, inbox, queue")
        yield


@contextmanager
def stalled(store: Store) -> Iterator[None]:
    """The server's processes stop, and their sockets stay open."""
    pids = _backends(store)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


POSTGRESQL: dict[str, StoreFault] = {
    each.__name__: each for each in (away, out_of_connections, read_only_server, row_locked)
}


def call_and_break(store: Store, call: Callable[[], object]) -> BaseException | None:
    """Call in a thread while connections are broken as the service does; what it raised."""
    raised: list[BaseException] = []

    def attempt() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            raised.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    while thread.is_alive():
        store.break_stalled()
        thread.join(0.01)
    return raised[0] if raised else None
