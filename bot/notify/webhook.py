"""A server of one's own, by requests that are signed as Standard Webhooks says.

Source: Standard Webhooks 1.0 (`webhook-id` is the same however often a message is sent, so that a
receiver can recognise it; the payload has `type`, `timestamp` and `data`).
"""

import json
from dataclasses import dataclass

from bot.notify import Address, ChannelKind, Message, NotDeliveredError, Outside
from bot.notify._post import post
from bot.signatures import signed_headers


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts signed JSON."""

    name: str = "webhook"
    summary: str = "a server of your own; its secret is the URL, its key signs the requests"
    repeatable: bool = True

    def defect(self, address: Address) -> str:
        """See ChannelKind."""
        return "the URL in the settings decides who is told: remove `to`" if address.to else ""

    async def send(self, message: Message, address: Address, outside: Outside) -> str:
        """See ChannelKind."""
        if not outside.key:
            raise NotDeliveredError("it has no key: see SWITCHYARD_NOTIFY_KEYS", final=True)
        told = {
            "type": f"rollout.{message.event}",
            "timestamp": outside.now.isoformat(),
            "data": {
                "id": message.id,
                "thread": message.thread,
                "application": message.application,
                "title": message.title,
                "lines": message.lines,
                "link": message.link,
            },
        }
        body = json.dumps(told).encode()
        headers = signed_headers(outside.key, message.id, body, outside.now)
        private = address.private_network
        await post(outside.outbound, outside.secret, body, headers, private=private)
        return ""


CHANNEL: ChannelKind = Webhook()
