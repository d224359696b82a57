"""A conversation in Slack: one thread for each rollout.

Sources: Slack, "chat.postMessage" (bearer token, `channel`, `text`, `thread_ts`; answers have
`ok`, `ts`, `error`, also with status 200), "Formatting message text" (escaping `&`, `<`, `>`),
"Rate limits" (status 429 with `Retry-After`).
"""

import json
import re
from dataclasses import dataclass

from bot.notify import Address, ChannelKind, Message, NotDeliveredError, Outside, UnsureError
from bot.notify._post import post

URL = "https://slack.com/api/chat.postMessage"
PASSING = frozenset(
    {"fatal_error", "internal_error", "rate_limited", "ratelimited", "service_unavailable"}
)
MOST_TEXT = 3500
_TOKEN = re.compile(r"[!-~]{1,500}")
_CONVERSATION = re.compile(r"[CGD][A-Z0-9]{6,20}")


@dataclass(frozen=True, slots=True)
class Slack:
    """Posts as a bot."""

    name: str = "slack"
    summary: str = (
        "a conversation in Slack, one thread for each rollout; its secret is the bot's token"
    )
    repeatable: bool = False

    def defect(self, address: Address) -> str:
        """See ChannelKind."""
        if len(address.to) == 1 and _CONVERSATION.fullmatch(address.to[0]):
            return ""
        return "`to` must be the ID of one conversation, such as C0123ABCDEF"

    async def send(self, message: Message, address: Address, outside: Outside) -> str:
        """See ChannelKind."""
        if not _TOKEN.fullmatch(outside.secret):
            raise NotDeliveredError("its secret in the settings is no token of Slack", final=True)
        told = {
            "channel": address.to[0],
            "text": text_of(message),
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if message.reference:
            told["thread_ts"] = message.reference
        headers = {"authorization": f"Bearer {outside.secret}"}
        body = json.dumps(told).encode()
        reply = await post(outside.outbound, URL, body, headers, private=False)
        return _timestamp(reply.body)


def text_of(message: Message) -> str:
    """The text in Slack's mrkdwn: what others wrote can neither mention nor link."""
    lines = [f"\N{BULLET} {escaped(each)}" for each in message.lines]
    head = "\n".join([escaped(message.title), *lines])
    return f"{head[:MOST_TEXT]}\n<{escaped(message.link)}|Plan and current state>"


def escaped(text: str) -> str:
    """The three characters that control messages, as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _timestamp(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or "ok" not in answer:
        raise UnsureError("slack.com answered with something that is no answer of its API")
    if answer["ok"] is not True:
        error = re.sub(r"[^a-z_]", "", str(answer.get("error")))[:60]
        final = error not in PASSING
        raise NotDeliveredError(f"Slack did not post it: {error}", final=final)
    return str(answer.get("ts", ""))[:40]


CHANNEL: ChannelKind = Slack()
