"""Webhooks, stored before they are answered."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.store.database import Database, seconds
from bot.store.tables import inbox

MAX_PENDING = 100_000


class InboxFullError(Exception):
    """Too many deliveries wait; the forge should try again later."""


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """One delivery: a hint that something may have changed in a repository."""

    id: int
    forge: str
    repository: str
    number: int | None


class Inbox:
    """Deliveries by forge and delivery id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, entry: "Incoming", now: datetime) -> bool:
        """Store a delivery durably; False when its id is known already.

        Raises:
            InboxFullError: too many wait.
        """
        with self._database.write() as connection:
            waiting = sa.select(sa.func.count()).select_from(inbox).where(~inbox.c.done)
            if (connection.scalar(waiting) or 0) >= MAX_PENDING:
                raise InboxFullError(f"{MAX_PENDING} deliveries wait already")
            done = connection.execute(
                self._database.insert(inbox)
                .values(
                    forge=entry.forge,
                    delivery_id=entry.delivery_id,
                    event=entry.event,
                    repository=entry.repository,
                    number=entry.number,
                    body=entry.body,
                    received_at=seconds(now),
                    done=False,
                )
                .on_conflict_do_nothing()
            )
            return bool(done.rowcount)

    def pending(self, limit: int) -> tuple[InboxEntry, ...]:
        """The oldest deliveries that were not looked at."""
        columns = (inbox.c.id, inbox.c.forge, inbox.c.repository, inbox.c.number)
        query = sa.select(*columns).where(~inbox.c.done).order_by(inbox.c.id).limit(limit)
        with self._database.engine.connect() as connection:
            return tuple(InboxEntry(*row) for row in connection.execute(query))

    def done(self, ids: list[int]) -> None:
        """They were looked at; their ids stay known."""
        with self._database.write() as connection:
            connection.execute(sa.update(inbox).where(inbox.c.id.in_(ids)).values(done=True))

    def body(self, forge: str, delivery_id: str) -> bytes | None:
        """The exact bytes of a delivery."""
        query = sa.select(inbox.c.body).where(
            inbox.c.forge == forge, inbox.c.delivery_id == delivery_id
        )
        with self._database.engine.connect() as connection:
            found: bytes | None = connection.scalar(query)
            return found

    def prune(self, before: datetime) -> int:
        """Forget what was looked at and came before; how many there were."""
        old = sa.delete(inbox).where(inbox.c.done, inbox.c.received_at < seconds(before))
        with self._database.write() as connection:
            return connection.execute(old).rowcount


@dataclass(frozen=True, slots=True)
class Incoming:
    """A verified delivery about to be stored; `body` is what came over the wire."""

    forge: str
    delivery_id: str
    event: str
    repository: str
    number: int | None
    body: bytes
