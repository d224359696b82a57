"""Webhooks, stored before they are answered: `web` puts them in, `worker` takes them out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.store.database import Database, seconds
from bot.store.tables import inbox, width

MAX_PENDING = 100_000
MAX_BODY = 25 * 1024 * 1024


class InboxFullError(Exception):
    """Too many deliveries wait; the forge should try again later."""


class UnfitDeliveryError(ValueError):
    """A delivery that no forge sends: a body or a name that is too long."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A verified delivery about to be stored; `body` is what came over the wire.

    Raises:
        UnfitDeliveryError: something in it is too long to be kept.
    """

    forge: str
    delivery_id: str
    event: str
    repository: str
    number: int | None
    body: bytes

    def __post_init__(self) -> None:
        for name in ("forge", "delivery_id", "event", "repository"):
            if len(getattr(self, name)) > (most := width(inbox.c[name])):
                raise UnfitDeliveryError(f"The delivery's {name} has more than {most} characters.")
        if len(self.body) > MAX_BODY:
            raise UnfitDeliveryError(f"The delivery's body has more than {MAX_BODY} bytes.")


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """One delivery: a hint that something may have changed in a repository."""

    id: int
    forge: str
    repository: str
    number: int | None


class Inbox:
    """Deliveries by forge and delivery id; at most `max_pending` wait (give or take a thread)."""

    def __init__(self, database: Database, max_pending: int = MAX_PENDING) -> None:
        self._database = database
        self._max_pending = max_pending

    def put(self, entry: Incoming, now: datetime) -> bool:
        """Store a delivery durably; False when its id is known already.

        Raises:
            InboxFullError: too many wait.
        """
        insert = self._database.insert(inbox).values(
            forge=entry.forge,
            delivery_id=entry.delivery_id,
            event=entry.event,
            repository=entry.repository,
            number=entry.number,
            body=entry.body,
            received_at=seconds(now),
            done=False,
        )
        with self._database.write() as connection:
            if self._is_full(connection):
                raise InboxFullError(
                    f"{self._max_pending} deliveries wait to be looked at; send this one again "
                    "in a few minutes."
                )
            new = insert.on_conflict_do_nothing().returning(inbox.c.id)
            return connection.scalar(new) is not None

    def _is_full(self, connection: sa.Connection) -> bool:
        """Count what waits, unless the ids show at a glance that it cannot be that many."""
        newest = sa.select(sa.func.max(inbox.c.id)).scalar_subquery()
        oldest = sa.select(sa.func.min(inbox.c.id)).where(~inbox.c.done).scalar_subquery()
        span = connection.scalar(sa.select(newest - oldest))
        if span is None or span + 1 < self._max_pending:
            return False
        waiting = sa.select(sa.func.count()).select_from(inbox).where(~inbox.c.done)
        return connection.scalars(waiting).one() >= self._max_pending

    def pending(self, limit: int) -> tuple[InboxEntry, ...]:
        """The oldest deliveries that were not looked at."""
        columns = (inbox.c.id, inbox.c.forge, inbox.c.repository, inbox.c.number)
        query = sa.select(*columns).where(~inbox.c.done).order_by(inbox.c.id).limit(limit)
        with self._database.read() as connection:
            return tuple(InboxEntry(*row) for row in connection.execute(query))

    def done(self, ids: Sequence[int]) -> None:
        """They were looked at; their delivery ids stay known until they are pruned."""
        with self._database.write() as connection:
            connection.execute(sa.update(inbox).where(inbox.c.id.in_(ids)).values(done=True))

    def get(self, forge: str, delivery_id: str) -> Incoming | None:
        """One delivery as it was put in, for `switchyard replay`."""
        query = sa.select(inbox).where(inbox.c.forge == forge, inbox.c.delivery_id == delivery_id)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Incoming(row.forge, row.delivery_id, row.event, row.repository, row.number, row.body)

    def prune(self, before: datetime) -> int:
        """Forget what was looked at and came before; how many there were."""
        old = sa.delete(inbox).where(inbox.c.done, inbox.c.received_at < seconds(before))
        with self._database.write() as connection:
            return connection.execute(old).rowcount
