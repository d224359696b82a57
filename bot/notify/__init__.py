"""The kinds of channels that tell people about rollouts: one file each, exporting `CHANNEL`.

A message is sent at most once: a kind says of each failure whether the message can have arrived.
What is certain not to have arrived is sent again, within limits, by `bot/worker/announce.py`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.outbound import Outbound

__all__ = ["Address", "ChannelKind", "Message", "NotDeliveredError", "Outside", "UnsureError"]


class NotDeliveredError(Exception):
    """The message has certainly not arrived; the message says why, without any secret.

    It can be sent again after `retry_after` seconds, or never helps if it is `final`.
    """

    def __init__(self, reason: str, *, retry_after: float = 0.0, final: bool = False) -> None:
        super().__init__(reason)
        self.retry_after, self.final = retry_after, final


class UnsureError(Exception):
    """Whether the message has arrived is not known: the connection ended before the answer."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is told: plain text, in which others may have written anything.

    `id` stays the same however often it is sent, `thread` for all messages of one rollout.
    `reference` is what a channel answered to the first message of the thread, if that is known.
    """

    id: str
    thread: str
    event: str
    application: str
    title: str
    lines: tuple[str, ...]
    link: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Whom a channel tells: what a policy of the fleet repo says of it."""

    to: tuple[str, ...] = ()
    sender: str = ""
    private_network: bool = False


@dataclass(frozen=True, slots=True)
class Outside:
    """What a kind may use: the client, the channel's secrets from the settings, the time."""

    outbound: Outbound
    now: datetime
    secret: str = field(default="", repr=False)
    key: bytes = field(default=b"", repr=False)


class ChannelKind(Protocol):
    """One kind of channel."""

    @property
    def name(self) -> str:
        """The value of `kind` in a policy."""

    @property
    def summary(self) -> str:
        """What it is, and what its secret is, as a phrase; reference pages show it."""

    @property
    def repeatable(self) -> bool:
        """Whether receivers recognise a message that arrives twice, so that it may be repeated."""

    def defect(self, address: Address) -> str:
        """What is wrong with an address, or nothing."""

    async def send(self, message: Message, address: Address, outside: Outside) -> str:
        """Send a message; what later messages of its thread refer to, if anything.

        Raises:
            NotDeliveredError: it has certainly not arrived.
            UnsureError: whether it has arrived is not known.
        """
