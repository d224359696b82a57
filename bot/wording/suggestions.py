"""The words of merge requests that commands open in repositories people own."""

from dataclasses import dataclass
from datetime import datetime

from bot.wording.markdown import code, link

TITLE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for a change: `url` is the comment, `email` the address that the forge gives."""

    by: str
    email: str
    at: datetime
    url: str
    reason: str


def title(what: str) -> str:
    """The title, also the subject of the commit."""
    return what[:TITLE_LENGTH]


def body(what: str, follows: str, asked: Asked, marker: str) -> str:
    """The description: who asked where, why, and what follows when people merge it.

    To the forge the bot is its author, and whoever asked may approve it: it says that they should
    not.
    """
    when = f"{asked.at:%Y-%m-%d %H:%M}"
    review = "Switchyard never merges this: review it as any other change here, or close it."
    return "\n\n".join(
        [
            marker,
            f"{code(title(what))}. {code(asked.by)} {link('asked for it', asked.url)}, {when} UTC.",
            *([f"Reason: {code(asked.reason, 600)}"] if asked.reason else []),
            f"When this is merged: {follows}",
            f"{review} It was asked for by {code(asked.by)}: somebody else should approve it.",
        ]
    )


def commit_message(what: str, asked: Asked) -> str:
    """The message of the one commit; who asked is an author of it to rules that read trailers."""
    plain = " ".join(asked.by.replace("<", "").replace(">", "").split())
    email = "".join(each for each in asked.email if each not in "<> \n\r")
    return (
        f"{title(what)}\n\nAsked for by {plain} in {asked.url}\n\n"
        f"Co-authored-by: {plain} <{email}>\n"
    )


def proposed(name: str, url: str, *, is_new: bool) -> str:
    """The reply to a command that proposed a change; `name` and `url` are the merge request's."""
    where = link(name, url)
    if is_new:
        return f"{where} is open. The change takes effect when it is merged."
    return f"{where} is already open and stays as it is. To propose another change, close it first."
