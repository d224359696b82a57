"""Webhook deliveries, stored before they are acknowledged: `web` writes, `worker` reads.

Bodies are kept for people who look into what was sent. Their total is bounded: of processed
deliveries the oldest bodies go first; their ids stay, so that a copy is recognised.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.store.database import Database, JsonRows, seconds
from bot.store.tables import body_size, inbox, width

MAX_PENDING = 100_000
MAX_BYTES = 1024 * 1024 * 1024
"""Bodies of pending deliveries may have so many bytes, and as many those of processed ones."""
CHECKS = 64
"""How often the bodies are counted while `MAX_BYTES` come."""
MAX_KNOWN = 1_000_000
MAX_NUMBER = 2**31 - 1
MAX_BODY = 25 * 1024 * 1024

NEWEST = sa.select(sa.func.max(inbox.c.id)).scalar_subquery()
_OLDEST = sa.select(sa.func.min(inbox.c.id)).where(~inbox.c.done).scalar_subquery()
SPAN = sa.select(NEWEST - _OLDEST)
PENDING = (
    sa.select(inbox.c.id, inbox.c.forge, inbox.c.repository, inbox.c.number, inbox.c.sender)
    .where(~inbox.c.done)
    .order_by(inbox.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
DONE = sa.update(inbox).where(inbox.c.id.in_(sa.bindparam("ids", expanding=True))).values(done=True)


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
    sender: str = ""

    def __post_init__(self) -> None:
        for name in ("forge", "delivery_id", "event", "repository", "sender"):
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
    sender: str


class Inbox:
    """Deliveries by forge and delivery id; about `max_pending` and `max_bytes` can be pending."""

    def __init__(
        self, database: Database, max_pending: int = MAX_PENDING, max_bytes: int = MAX_BYTES
    ) -> None:
        self._database = database
        self._insert = database.insert(inbox).on_conflict_do_nothing()
        self._find = _of_ids(database.rows(2))
        self._max_pending, self._max_bytes = max_pending, max_bytes
        self._unchecked = self._check_bytes = max_bytes // CHECKS

    def put(self, entry: IncomingDelivery, now: datetime) -> bool:
        """Store a delivery durably; False if its id is known already.

        Raises:
            InboxFullError: too many deliveries are pending.
        """
        (new,) = self.put_all([entry], now)
        return new

    def put_all(self, entries: Sequence[IncomingDelivery], now: datetime) -> list[bool]:
        """Store deliveries durably with one commit; for each whether its id is new.

        Raises:
            InboxFullError: too many deliveries are pending; none of these is stored.
        """
        with self._database.write() as connection:
            self._make_room(connection)
            known = self._known(connection, entries)
            new: dict[tuple[str, str], IncomingDelivery] = {}
            answers: list[bool] = []
            for entry in entries:
                key = (entry.forge, entry.delivery_id)
                answers.append(key not in known and key not in new)
                if key not in known:
                    new.setdefault(key, entry)
            if new:
                rows = [_row(each, now) for each in new.values()]
                connection.execute(self._insert, rows)
        self._unchecked += sum(len(each.body) for each in new.values())
        return answers

    def _known(
        self, connection: sa.Connection, entries: Sequence[IncomingDelivery]
    ) -> set[tuple[str, str]]:
        ids = json.dumps([(each.forge, each.delivery_id) for each in entries])
        found = connection.execute(self._find, {"rows": ids})
        return {(row.forge, row.delivery_id) for row in found}

    def _make_room(self, connection: sa.Connection) -> None:
        """Drop old bodies when many bytes have come; raise if too much is pending."""
        if self._is_full(connection):
            raise InboxFullError(
                f"The inbox is full ({self._max_pending} pending deliveries). "
                f"Retry in a few minutes."
            )
        if self._unchecked < self._check_bytes:
            return
        bodies = sa.select(
            inbox.c.id,
            inbox.c.done,
            sa.func.sum(body_size).over(order_by=inbox.c.id.desc()).label("total"),
        ).where(sa.text("length(body) > 0"), inbox.c.done)
        newest_first = bodies.subquery()
        surplus = sa.select(newest_first.c.id).where(newest_first.c.total > self._max_bytes)
        connection.execute(sa.update(inbox).where(inbox.c.id.in_(surplus)).values(body=b""))
        pending = sa.select(sa.func.sum(body_size)).where(~inbox.c.done)
        if (connection.scalar(pending) or 0) > self._max_bytes:
            raise InboxFullError(
                f"The inbox is full ({self._max_bytes} bytes of pending deliveries). "
                f"Retry in a few minutes."
            )
        self._unchecked = 0

    def _is_full(self, connection: sa.Connection) -> bool:
        """Count pending deliveries, unless the range of ids shows that there are few."""
        span = connection.scalar(SPAN)
        if span is None or span + 1 < self._max_pending:
            return False
        pending = sa.select(sa.func.count()).select_from(inbox).where(~inbox.c.done)
        return connection.scalars(pending).one() >= self._max_pending

    def count_pending(self) -> int:
        """How many deliveries are pending."""
        pending = sa.select(sa.func.count()).select_from(inbox).where(~inbox.c.done)
        with self._database.read() as connection:
            return int(connection.scalar(pending) or 0)

    def pending(self, limit: int) -> tuple[InboxEntry, ...]:
        """The oldest unprocessed deliveries."""
        with self._database.read() as connection:
            found = connection.execute(PENDING, {"most": limit})
            return tuple(InboxEntry(*row) for row in found)

    def done(self, connection: sa.Connection, ids: Sequence[int]) -> None:
        """Mark deliveries as processed; their ids are remembered until they are pruned.

        In the transaction that keeps what follows from them (`Store.hand_on`).
        """
        connection.execute(DONE, {"ids": ids})

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
            sender=row.sender,
        )

    def prune(self, before: datetime) -> int:
        """Delete processed deliveries received earlier, or far too many; returns how many."""
        surplus = inbox.c.id <= NEWEST - MAX_KNOWN
        old = inbox.c.received_at < seconds(before)
        with self._database.write() as connection:
            delete = sa.delete(inbox).where(inbox.c.done, sa.or_(old, surplus))
            return connection.execute(delete).rowcount


def _of_ids(wanted: JsonRows) -> sa.Select[Any]:
    """Those of the wanted deliveries that are known."""
    forge, delivery_id = wanted.columns
    is_wanted = sa.and_(inbox.c.forge == forge, inbox.c.delivery_id == delivery_id)
    joined = sa.join(wanted.table, inbox, is_wanted)
    return sa.select(inbox.c.forge, inbox.c.delivery_id).select_from(joined)


def _row(entry: IncomingDelivery, now: datetime) -> dict[str, object]:
    return {
        "forge": entry.forge,
        "delivery_id": entry.delivery_id,
        "event": entry.event,
        "repository": entry.repository,
        "number": entry.number,
        "sender": entry.sender,
        "body": entry.body,
        "received_at": seconds(now),
        "done": False,
    }
