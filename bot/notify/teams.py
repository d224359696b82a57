"""A channel of Microsoft Teams, by the webhook of a workflow: one card for each message.

Sources: Microsoft Learn, "Create incoming webhooks with Workflows for Microsoft Teams" (the body is
a message with an Adaptive Card as its attachment; status 202; the URL is a secret); Adaptive Cards
1.4, `TextBlock` (a subset of Markdown) and `RichTextBlock` (`TextRun` is plain text). A workflow
answers nothing that a later message could refer to: there are no threads.
"""

import json
from dataclasses import dataclass
from typing import Any

from bot.notify import Address, ChannelKind, Message, Outside
from bot.notify._post import post

MOST_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Teams:
    """Posts an Adaptive Card."""

    name: str = "teams"
    summary: str = "a channel of Microsoft Teams, without threads; its secret is the workflow's URL"
    repeatable: bool = False

    def defect(self, address: Address) -> str:
        """See ChannelKind."""
        return "the workflow decides where it posts: remove `to`" if address.to else ""

    async def send(self, message: Message, address: Address, outside: Outside) -> str:
        """See ChannelKind."""
        body = json.dumps({"type": "message", "attachments": [_card(message)]}).encode()
        private = address.private_network
        await post(outside.outbound, outside.secret, body, {}, private=private)
        return ""


def _card(message: Message) -> dict[str, Any]:
    lines = [_plain(each) for each in message.lines]
    return {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [_plain(message.title, weight="bolder"), *lines],
            "actions": [
                {
                    "type": "Action.OpenUrl",
                    "title": "Plan and current state",
                    "url": message.link,
                }
            ],
        },
    }


def _plain(text: str, **style: str) -> dict[str, Any]:
    """Text in which no Markdown counts."""
    run = {"type": "TextRun", "text": text[:MOST_TEXT], **style}
    return {"type": "RichTextBlock", "inlines": [run]}


CHANNEL: ChannelKind = Teams()
