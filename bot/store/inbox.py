"""Webhook deliveries, stored before they are acknowledged: `web` writes, `worker` reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.store.database import Database, seconds
from bot.store.tables import inbox, width

MAX_PENDING = 100_000
MAX_NUMBER = 2**31 - 1
MAX_BODY = 25 * 1024 * 1024


class InboxFullError(Exception):
    """Too many deliveries are pending; the forge should retry later."""


class InvalidDeliveryError(ValueError):
    """A delivery whose body or a field is too long, or cannot be stored in a database."""


@dataclass(frozen=True, slots=True)
class IncomingDelivery:
    """A verified delivery to be stored; `body` has the exact bytes.

    Raises:
        InvalidDeliveryError: a field or the body is too long or no valid text or number.
    """

    forge: str
    delivery_id: str
    event: str
    repository: str
    number: int | None
    body: bytes

    def __post_init__(self) -> None:
        for name in ("forge", "delivery_id", "event", "repository"):
            text: str = getattr(self, name)
            if len(text) > (limit := width(inbox.c[name])):
                raise InvalidDeliveryError(
                    f"The delivery's {name} has more than {limit} characters."
                )
            if not text.isprintable():
                raise InvalidDeliveryError(f"The delivery's {name} is not printable text.")
        if self.number is not None and not 0 <= self.number <= MAX_NUMBER:
            raise InvalidDeliveryError(f"The delivery's number is not between 0 and {MAX_NUMBER}.")
        if len(self.body) > MAX_BODY:
            raise InvalidDeliveryError(f"The delivery's body has more than {MAX_BODY} bytes.")


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A pending delivery: a hint that a repository has changed."""

    id: int
    forge: str
    repository: str
    number: int | None


class Inbox:
    """Deliveries by forge and delivery id; about `max_pending` can be pending."""

    def __init__(self, database: Database, max_pending: int = MAX_PENDING) -> None:
        self._database = database
        self._max_pending = max_pending

    def put(self, entry: IncomingDelivery, now: datetime) -> bool:
        """Store a delivery durably; False if its id is known already.

        Raises:
            InboxFullError: too many deliveries are pending.
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
                    f"The inbox is full ({self._max_pending} pending deliveries). "
                    f"Retry in a few minutes."
                )
            new = insert.on_conflict_do_nothing().returning(inbox.c.id)
            return connection.scalar(new) is not None

    def _is_full(self, connection: sa.Connection) -> bool:
        """Count pending deliveries, unless the range of ids shows that there are few."""
        newest = sa.select(sa.func.max(inbox.c.id)).scalar_subquery()
        oldest = sa.select(sa.func.min(inbox.c.id)).where(~inbox.c.done).scalar_subquery()
        span = connection.scalar(sa.select(newest - oldest))
        if span is None or span + 1 < self._max_pending:
            return False
        pending = sa.select(sa.func.count()).select_from(inbox).where(~inbox.c.done)
        return connection.scalars(pending).one() >= self._max_pending

    def pending(self, limit: int) -> tuple[InboxEntry, ...]:
        """The oldest unprocessed deliveries."""
        columns = (inbox.c.id, inbox.c.forge, inbox.c.repository, inbox.c.number)
        query = sa.select(*columns).where(~inbox.c.done).order_by(inbox.c.id).limit(limit)
        with self._database.read() as connection:
            return tuple(
                InboxEntry(id=row.id, forge=row.forge, repository=row.repository, number=row.number)
                for row in connection.execute(query)
            )

    def done(self, ids: Sequence[int]) -> None:
        """Mark deliveries as processed; their ids are remembered until they are pruned."""
        with self._database.write() as connection:
            connection.execute(sa.update(inbox).where(inbox.c.id.in_(ids)).values(done=True))

    def get(self, forge: str, delivery_id: str) -> IncomingDelivery | None:
        """A stored delivery, for `switchyard replay`."""
        query = sa.select(inbox).where(inbox.c.forge == forge, inbox.c.delivery_id == delivery_id)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return IncomingDelivery(
            forge=row.forge,
            delivery_id=row.delivery_id,
            event=row.event,
            repository=row.repository,
            number=row.number,
            body=row.body,
        )

    def prune(self, before: datetime) -> int:
        """Delete processed deliveries received earlier; returns how many."""
        old = sa.delete(inbox).where(inbox.c.done, inbox.c.received_at < seconds(before))
        with self._database.write() as connection:
            return connection.execute(old).rowcount
