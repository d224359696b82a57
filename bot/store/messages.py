"""What channels tell people: each message once for each channel, also after it was sent.

A message is `pending` until somebody takes it, and `sending` from then on. It is taken back only
when it has certainly not arrived, so that a process that dies in between repeats nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.store.database import Database, clean, moment, seconds
from bot.store.tables import messages, width

PENDING, SENDING, SENT, GIVEN_UP, UNSURE = "pending", "sending", "sent", "given up", "unsure"
ENDED = "the service ended while it sent a message"
MOST_DUE = 100
REFERENCE = width(messages.c.reference)
_THIS = (
    messages.c.channel == sa.bindparam("a_channel"),
    messages.c.id == sa.bindparam("an_id"),
)
TAKE = sa.update(messages).where(*_THIS, messages.c.state == PENDING)
FINISH = sa.update(messages).where(*_THIS)
DUE = (
    sa.select(messages)
    .where(messages.c.state == PENDING, messages.c.due <= sa.bindparam("now"))
    .order_by(messages.c.due, messages.c.created_at, messages.c.id)
    .limit(MOST_DUE)
)
REFERENCES = (
    sa.select(messages.c.reference)
    .where(
        messages.c.channel == sa.bindparam("a_channel"),
        messages.c.thread == sa.bindparam("a_thread"),
        messages.c.reference != "",
    )
    .order_by(messages.c.created_at, messages.c.reference)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message for one channel; `value` is what to say, and to whom."""

    channel: str
    id: str
    thread: str
    value: Mapping[str, Any]
    created_at: datetime
    attempts: int = 0


class Messages:
    """Messages by channel and identity."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, message: StoredMessage) -> bool:
        """Keep a message to be sent, unless its channel has or had it already."""
        insert = self._database.insert(messages).on_conflict_do_nothing()
        at = seconds(message.created_at)
        row = {
            "channel": message.channel,
            "id": message.id,
            "thread": message.thread,
            "state": PENDING,
            "attempts": 0,
            "due": at,
            "created_at": at,
            "value": dict(message.value),
            "reference": "",
            "reason": "",
        }
        with self._database.write() as connection:
            return bool(connection.execute(insert, [row]).rowcount)

    def due(self, now: datetime, without: Collection[str] = ()) -> tuple[StoredMessage, ...]:
        """The messages that are due, the first ones first, but for those of some channels."""
        query = DUE.where(messages.c.channel.not_in(without)) if without else DUE
        with self._database.read() as connection:
            found = connection.execute(query, {"now": seconds(now)}).all()
        return tuple(
            StoredMessage(
                each.channel,
                each.id,
                each.thread,
                each.value,
                moment(each.created_at),
                each.attempts,
            )
            for each in found
        )

    def reference(self, channel: str, thread: str) -> str:
        """What a channel answered to the first message of a thread; empty if it told nothing."""
        wanted = {"a_channel": channel, "a_thread": thread}
        with self._database.read() as connection:
            return str(connection.scalar(REFERENCES, wanted) or "")

    def take(self, message: StoredMessage) -> bool:
        """Take a message to send it; False if somebody else has it."""
        changes = {"state": SENDING, "attempts": message.attempts + 1, "reason": ENDED}
        with self._database.write() as connection:
            return bool(connection.execute(TAKE.values(changes), _key(message)).rowcount)

    def finish(
        self, message: StoredMessage, state: str, *, reference: str = "", reason: str = ""
    ) -> None:
        """Note what came of a message that was taken."""
        changes = {"state": state, "reference": reference[:REFERENCE], "reason": clean(reason)}
        with self._database.write() as connection:
            connection.execute(FINISH.values(changes), _key(message))

    def retry(self, message: StoredMessage, due: datetime, reason: str) -> None:
        """Give a message back that has certainly not arrived, to be sent later."""
        changes = {"state": PENDING, "due": seconds(due), "reason": clean(reason)}
        with self._database.write() as connection:
            connection.execute(FINISH.values(changes), _key(message))

    def faults(self, since: datetime) -> dict[str, str]:
        """Why the newest message of each channel was not sent, where that failed."""
        row = messages.c
        query = (
            sa.select(row.channel, row.state, row.reason)
            .where(row.created_at >= seconds(since), row.attempts > 0)
            .order_by(row.created_at, row.id)
        )
        with self._database.read() as connection:
            newest = {name: (state, why) for name, state, why in connection.execute(query)}
        return {name: f"{why} ({state})" for name, (state, why) in newest.items() if why}

    def prune(self, before: datetime) -> int:
        """Delete messages that were made earlier; returns how many."""
        with self._database.write() as connection:
            old = sa.delete(messages).where(messages.c.created_at < seconds(before))
            return int(connection.execute(old).rowcount)


def _key(message: StoredMessage) -> dict[str, str]:
    return {"a_channel": message.channel, "an_id": message.id}
