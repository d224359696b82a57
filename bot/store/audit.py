"""The audit log: what was done, to what and when. Entries are deleted after a year."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.store.database import Database, moment, seconds
from bot.store.tables import audit


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One action; `key` is that of the pass that performed it."""

    at: datetime
    kind: str
    key: str
    fields: Mapping[str, str | int | None]


MAX_PRUNED = 1_000
INSERT = sa.insert(audit)


class Audit:
    """Entries by key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, *entries: AuditEntry) -> None:
        """Append entries, with one commit; none where there are none."""
        if not entries:
            return
        rows = [
            {"at": seconds(each.at), "kind": each.kind, "key": each.key, "fields": {**each.fields}}
            for each in entries
        ]
        with self._database.write() as connection:
            connection.execute(INSERT, rows)

    def of(self, key: str, limit: int) -> tuple[AuditEntry, ...]:
        """The newest entries of a key, newest first."""
        query = sa.select(audit).where(audit.c.key == key).order_by(audit.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return tuple(
                AuditEntry(moment(row.at), row.kind, row.key, row.fields)
                for row in connection.execute(query)
            )

    def prune(self, before: datetime) -> int:
        """Delete older entries, at most a thousand at a time; how many there were."""
        old = sa.select(audit.c.id).where(audit.c.at < seconds(before)).limit(MAX_PRUNED)
        with self._database.write() as connection:
            done = connection.execute(sa.delete(audit).where(audit.c.id.in_(old.scalar_subquery())))
            return int(done.rowcount)
