"""The database: inbox, work queue, reports, cached views and audit log, in SQLite or PostgreSQL.

Synchronous; the shell calls it in threads. Times are arguments. Nothing stored here is the source
of truth of a rollout: Git and the forges are.
"""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config

from bot.store.audit import Audit
from bot.store.database import Database
from bot.store.inbox import Inbox
from bot.store.lease import Leases
from bot.store.queue import Queue
from bot.store.reports import Reports
from bot.store.views import Views

MIGRATION_LOCK = 7_316_214  # arbitrary, but unique among the advisory locks of the database
_MIGRATING = threading.Lock()  # alembic keeps its context in global variables


class Store:
    """All parts of the store, over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.inbox = Inbox(database)
        self.queue = Queue(database)
        self.reports = Reports(database)
        self.views = Views(database)
        self.leases = Leases(self.views)
        self.audit = Audit(database)

    @classmethod
    def open(cls, url: str) -> "Store":
        """Open a database and migrate its tables; safe to call concurrently."""
        database = Database(url)
        config = Config()
        scripts = str(Path(__file__).parent / "migrations")
        config.set_main_option("script_location", scripts.replace("%", "%%"))
        with _MIGRATING, database.write() as connection:
            if not database.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return cls(database)

    def close(self) -> None:
        """Wake threads that wait for the queue, and close all connections."""
        self.queue.close()
        self._database.close()
