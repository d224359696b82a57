"""Brings the tables of a database up to date, with Alembic where there is something to do."""

import threading
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa

from bot.store.database import UNLIMITED, Database
from bot.store.errors import DamagedStoreError

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 7_316_214  # arbitrary, but unique among the advisory locks of the database
NEWER = (
    "its tables are those of another version of Switchyard: install that version again, or delete "
    "all tables, of which nothing is lost"
)
_MIGRATING = threading.Lock()  # alembic keeps its context in global variables


def migrate(database: Database) -> None:
    """Create the tables, or bring them up to date; safe to call concurrently.

    Raises:
        DamagedStoreError: the database is damaged, or of another version.
        StoreError: it cannot be opened or written.
    """
    if database.file is not None:
        with suppress(OSError):  # SQLite says then that it cannot open the file
            database.file.parent.mkdir(parents=True, exist_ok=True)
    with database.write() as connection:
        if _version(connection) == _newest():
            return
        if not database.is_sqlite:
            for statement in UNLIMITED:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        _upgrade(connection)


def _version(connection: sa.Connection) -> str | None:
    """Which migration the tables have; None without any."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def _newest() -> str:
    """The migration that this version of the service knows last."""
    return max(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("*.py"))


def _upgrade(connection: sa.Connection) -> None:
    """Run the migrations. Alembic is imported here: few starts of the service need it."""
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - as above
    from alembic.util import CommandError  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _MIGRATING:
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise DamagedStoreError(NEWER) from error
