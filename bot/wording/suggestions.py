"""Titles and bodies of merge requests that commands open in repositories people own."""

from dataclasses import dataclass
from datetime import datetime

from bot.wording.markdown import code, link

TITLE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class ChangeOrigin:
    """Who requested a change: `url` is the comment, `email` the address that the forge gives."""

    by: str
    email: str
    at: datetime
    url: str
    reason: str


def title(what: str) -> str:
    """The title, also the subject of the commit."""
    return what[:TITLE_LENGTH]


def body(what: str, consequences: str, origin: ChangeOrigin, marker: str) -> str:
    """The description: who requested it, where and why, and the consequences of merging it.

    To the forge the bot is the author, so that whoever requested the change may approve it: the
    text says that they should not.
    """
    when = f"{origin.at:%Y-%m-%d %H:%M} UTC"
    by = code(origin.by)
    return "\n\n".join(
        [
            marker,
            f"{code(title(what))}. Requested by {by} in {link('a comment', origin.url)}, {when}.",
            *([f"Reason: {code(origin.reason, 600)}"] if origin.reason else []),
            f"When this is merged: {consequences}",
            (
                f"Switchyard never merges this merge request: review it like any other change, or "
                f"close it. As {by} requested it, somebody else should approve it."
            ),
        ]
    )


def commit_message(what: str, origin: ChangeOrigin) -> str:
    """The message of the one commit; a trailer makes the requester a co-author of it."""
    plain = " ".join(origin.by.replace("<", "").replace(">", "").split())
    email = "".join(each for each in origin.email if each not in "<> \n\r")
    return (
        f"{title(what)}\n\nRequested by {plain} in {origin.url}\n\n"
        f"Co-authored-by: {plain} <{email}>\n"
    )


def proposed(name: str, url: str, *, is_new: bool) -> str:
    """The reply to a command that proposed a change; `name` and `url` are the merge request's."""
    where = link(name, url)
    if is_new:
        return f"{where} is open. The change takes effect when it is merged."
    return f"{where} is already open and stays as it is. To propose another change, close it first."
