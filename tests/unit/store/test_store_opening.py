import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

import bot.store.schema
from bot.store import Store, StoreError
from bot.store.database import Database
from bot.store.tables import metadata
from tests.fakes import postgres
from tests.fakes.stores import NOON

OPENER = """
import sys
from bot.store import Store
print("ready", flush=True)
sys.stdin.read()
store = Store.open(sys.argv[1])
store.views.put(sys.argv[2], {})
store.close()
"""
POSTGRES_SHAPE = """
SELECT table_name, column_name, data_type, character_maximum_length, is_nullable
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
UNION ALL
SELECT tablename, indexname, indexdef, 0, '' FROM pg_indexes
WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1, 2, 3
"""
SQLITE_SHAPE = "SELECT name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version' ORDER BY 1"


def shape(url: str) -> list[tuple[object, ...]]:
    """Everything the database knows of its tables and indexes, however its lines are broken."""
    engine = sa.create_engine(url)
    query = SQLITE_SHAPE if url.startswith("sqlite") else POSTGRES_SHAPE
    with engine.connect() as connection:
        found = connection.execute(sa.text(query))
        rows = [tuple(" ".join(str(each).split()) for each in row) for row in found]
    engine.dispose()
    return rows


def test_tables_that_are_up_to_date_are_not_migrated(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alembic is a tenth of the time that the service takes to start."""

    def migrated(_: object) -> None:
        raise AssertionError

    Store.open(store_url).close()
    monkeypatch.setattr(bot.store.schema, "_upgrade", migrated)
    Store.open(store_url).close()


def test_replicas_can_start_concurrently(empty_url: str) -> None:
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER, empty_url, f"replica-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(3)
    ]
    for process in starting:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in starting:
        process.communicate()

    assert [process.returncode for process in starting] == [0, 0, 0]
    store = Store.open(empty_url)
    assert [key for key, _ in store.views.list("replica-")] == [f"replica-{n}" for n in range(3)]
    store.close()


def test_opening_again_changes_nothing(store_url: str) -> None:
    first = Store.open(store_url)
    first.queue.trigger(["shop"], NOON)
    first.close()
    before = shape(store_url)

    second = Store.open(store_url)

    assert second.queue.next_due() == NOON
    assert shape(store_url) == before
    second.close()


def test_migrations_create_the_tables_of_the_code(empty_url: str, tmp_path: Path) -> None:
    Store.open(empty_url).close()
    if empty_url.startswith("sqlite"):
        assert shape(empty_url) == _created(f"sqlite:///{tmp_path / 'created.db'}")
    else:
        with postgres.database(migrated=False) as url:
            assert shape(empty_url) == _created(url)


def _created(url: str) -> list[tuple[object, ...]]:
    engine = sa.create_engine(url)
    metadata.create_all(engine)
    engine.dispose()
    return shape(url)


def test_sqlite_is_configured_for_durability_and_waiting(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    with database.read() as connection:
        asked = ("journal_mode", "synchronous", "busy_timeout")
        said = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    database.close()

    assert said == ["wal", 2, 10_000]


def test_a_folder_with_a_percent_sign_works(tmp_path: Path) -> None:
    folder = tmp_path / "100%(done)s"
    folder.mkdir()

    Store.open(f"sqlite:///{folder / 'store.db'}").close()


def _write_twice(database: Database) -> None:
    insert = metadata.tables["views"].insert().values(key="half", value={})
    with database.write() as connection:
        connection.execute(insert)
        connection.execute(insert)


def test_a_failed_write_is_rolled_back(empty_url: str) -> None:
    Store.open(empty_url).close()
    database = Database(empty_url)

    with pytest.raises(sa.exc.IntegrityError):
        _write_twice(database)

    store = Store(database)
    assert store.views.get("half") is None
    store.close()


def test_an_older_version_goes_on_with_an_empty_database(empty_url: str) -> None:
    """What a newer one has migrated cannot be read; of tables that others may use it says so."""
    Store.open(empty_url).close()
    engine = sa.create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'of-a-newer-one'"))
    engine.dispose()

    if empty_url.startswith("sqlite"):
        Store.open(empty_url).close()
        assert Path(f"{sa.make_url(empty_url).database}.damaged").exists()
    else:
        with pytest.raises(StoreError, match="another version of Switchyard: install that version"):
            Store.open(empty_url)
