"""Fixtures: every test that takes one runs on SQLite and on PostgreSQL, each time on a fresh one.

Import them in a `conftest.py` beside the tests.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.store import Store
from tests.fakes import postgres

DIALECTS = ("sqlite", "postgresql")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@contextmanager
def fresh_url(dialect: str, folder: Path, *, migrated: bool = True) -> Iterator[str]:
    """The address of a fresh database. SQLite's is a file in `folder`, without tables."""
    if dialect == "sqlite":
        yield f"sqlite:///{folder / 'store.db'}"
    else:
        with postgres.database(migrated=migrated) as url:
            yield url


@cache
def prepared() -> bytes:
    """A database of SQLite that holds the tables and nothing else."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "store.db"
        Store.open(f"sqlite:///{file}").close()
        return file.read_bytes()


@pytest.fixture(params=DIALECTS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    with fresh_url(request.param, tmp_path, migrated=False) as url:
        yield url


@pytest.fixture(params=DIALECTS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database for several stores; the first to open it may have to make the tables."""
    with fresh_url(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open store."""
    opened = Store.open(store_url)
    yield opened
    opened.close()
