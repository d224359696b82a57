"""Sends the messages of channels: beside the passes, so that a slow channel holds up no rollout.

Each message is sent at most once: it is taken before it is sent, and given back only when it has
certainly not arrived. Then it is tried again, less and less often, and given up after a day.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.context import Context
from bot.engine import discovery
from bot.metrics.catalogue import MESSAGES
from bot.notify import Address, Message, NotDeliveredError, Outside, UnsureError
from bot.store.messages import GIVEN_UP, SENT, UNSURE, StoredMessage
from bot.worker.status_documents import show_fault

SOURCE = "notifications"
PAUSES = (10, 30, 60, 300, 900, 3600)
LONGEST = timedelta(days=1)
LONGEST_REST = timedelta(minutes=5)
SHOWN = timedelta(days=7)
AT_ONCE = 8

log = structlog.get_logger()


@dataclass(slots=True)
class Announcer:
    """Sends what is due, one message of each channel at a time: threads keep their order.

    A channel that did not take a message rests until that one is due again, or for five
    minutes.
    """

    context: Context
    idle: Callable[[], Awaitable[None]]
    _failed: bool = True
    _resting: dict[str, datetime] = field(default_factory=dict)

    async def step(self) -> None:
        """Send what is due, or wait.

        Raises:
            StoreError: the database is not available.
        """
        if not await self.send_due():
            await self.idle()

    async def send_due(self) -> bool:
        """Send one message of each channel; False when none was due."""
        store, now = self.context.store.messages, self.context.clock()
        self._resting = {name: until for name, until in self._resting.items() if until > now}
        first: dict[str, StoredMessage] = {}
        for each in await asyncio.to_thread(store.due, now, self._resting):
            first.setdefault(each.channel, each)
        taken = [*first.values()][:AT_ONCE]
        outcomes = await asyncio.gather(*(self._send(each) for each in taken))
        if taken and (self._failed or not all(each == "sent" for each in outcomes)):
            await self._show()
        return bool(taken)

    async def _send(self, stored: StoredMessage) -> str:
        store, kind = self.context.store.messages, str(stored.value.get("kind"))
        if not await asyncio.to_thread(store.take, stored):
            return "sent"
        try:
            reference = await self._deliver(stored, kind)
            outcome = "sent"
            await asyncio.to_thread(store.finish, stored, SENT, reference=reference)
        except UnsureError as error:
            outcome = await self._unsure(stored, kind, str(error))
        except NotDeliveredError as error:
            outcome = await self._later(stored, error)
        self.context.metrics.count(MESSAGES, kind=kind, outcome=outcome)
        if outcome != "sent":
            log.warning("message not sent", channel=stored.channel, outcome=outcome)
        return outcome

    async def _deliver(self, stored: StoredMessage, kind: str) -> str:
        context, found = self.context, discovery.channels().get(kind)
        secret = context.notify_secrets.get(stored.channel, "")
        if found is None or not secret:
            why = f"channel {stored.channel} has no secret: see SWITCHYARD_NOTIFY_SECRETS"
            raise NotDeliveredError(why)
        value = stored.value
        store = context.store.messages
        reference = await asyncio.to_thread(store.reference, stored.channel, stored.thread)
        message = Message(
            id=stored.id,
            thread=stored.thread,
            event=value["event"],
            application=value["application"],
            title=value["title"],
            lines=tuple(value["lines"]),
            link=value["link"],
            reference=reference,
        )
        address = Address(tuple(value["to"]), value["sender"], value["private_network"])
        key = context.notify_keys.get(stored.channel, b"")
        outside = Outside(context.outbound, context.clock(), secret, key)
        return await found.send(message, address, outside)

    async def _unsure(self, stored: StoredMessage, kind: str, reason: str) -> str:
        """It may have arrived: repeated only where the receiver would recognise it."""
        if discovery.channels()[kind].repeatable:
            return await self._later(stored, NotDeliveredError(reason))
        await asyncio.to_thread(self.context.store.messages.finish, stored, UNSURE, reason=reason)
        return "unsure"

    async def _later(self, stored: StoredMessage, error: NotDeliveredError) -> str:
        """Again after a pause, until it is a day old."""
        store, now = self.context.store.messages, self.context.clock()
        if error.final or now - stored.created_at > LONGEST:
            await asyncio.to_thread(store.finish, stored, GIVEN_UP, reason=str(error))
            return "given_up"
        pause = max(float(PAUSES[min(stored.attempts, len(PAUSES) - 1)]), error.retry_after)
        due = now + timedelta(seconds=pause)
        self._resting[stored.channel] = min(due, now + LONGEST_REST)
        await asyncio.to_thread(store.retry, stored, due, str(error))
        return "retried"

    async def _show(self) -> None:
        """Show on the pages which channels do not work."""
        since = self.context.clock() - SHOWN
        faults = await asyncio.to_thread(self.context.store.messages.faults, since)
        self._failed = bool(faults)
        told = "; ".join(f"{name}: {why}" for name, why in sorted(faults.items()))
        await show_fault(self.context, SOURCE, f"People are not told: {told}" if told else "")
