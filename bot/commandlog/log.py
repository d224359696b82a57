"""Reads command logs, each in a comment of the bot; `bot/effects/command_log.py` writes them.

Whoever may write in a repository can edit or delete the bot's comments, and an older copy is as
genuine as the newest. So the store remembers the newest copy of each log, and overrules an older
one. The store is written first, by one worker only. Where the database is lost, the newest genuine
copy counts.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from bot.commandlog.entry import MARKER, CommandLogEntry, decode_entries
from bot.context import Context
from bot.forges import Comment
from bot.store.keys import COMMAND_LOG
from planners.model import Repo


@dataclass(frozen=True, slots=True)
class LogLocation:
    """The merge request whose command log it is, for one application."""

    repo: Repo
    number: int
    application: str

    @property
    def key(self) -> str:
        """The log's key in the store."""
        name = sha256(f"{self.repo}!{self.number}".encode()).hexdigest()[:16]
        return f"{COMMAND_LOG}{self.application}/{name}"


@dataclass(frozen=True, slots=True)
class CommandLog:
    """A command log; the comments of its first `reacted` entries show their outcome.

    `comment` holds the log and shows its first `shown` entries; `stored` is what the store has.
    """

    location: LogLocation
    entries: tuple[CommandLogEntry, ...] = ()
    reacted: int = 0
    comment: int | None = None
    shown: int = 0
    stored: Mapping[str, Any] | None = None

    @property
    def is_behind(self) -> bool:
        """Whether the comment lacks entries."""
        return self.shown < len(self.entries)

    @property
    def was_changed(self) -> bool:
        """Whether the comment once had more entries than it has now."""
        return self.stored is not None and self.shown < self.stored["shown"]


async def read_log(
    context: Context, location: LogLocation, comments: Iterable[Comment]
) -> CommandLog:
    """What the comments of a merge request and the store say."""
    (log,) = await read_logs(context, {location: comments})
    return log


async def read_logs(
    context: Context, commented: Mapping[LogLocation, Iterable[Comment]]
) -> list[CommandLog]:
    """What the comments of merge requests say, and the store, which is read once and after them."""
    keys = [each.key for each in commented]
    stored = await asyncio.to_thread(context.store.views.get_each, keys)
    return [
        await _merged(context, location, comments, stored.get(location.key))
        for location, comments in commented.items()
    ]


async def _merged(
    context: Context,
    location: LogLocation,
    comments: Iterable[Comment],
    stored: Mapping[str, Any] | None,
) -> CommandLog:
    """The newest genuine copy, which the store remembers from now on."""
    me = await context.forge(location.repo).me()
    found, newest = CommandLog(location, stored=stored), None
    for comment in comments:
        payload = context.markers.read(MARKER, location.repo, comment.body)
        if comment.author.id != me.id or payload is None or not _is_of(location, payload):
            continue
        if found.comment is None or int(payload["entry_count"]) > found.shown:
            entries, reacted = decode_entries(payload), int(payload["reacted"])
            found = CommandLog(location, entries, reacted, comment.id, len(entries), stored)
            newest = payload
    if stored is not None and stored["count"] > found.shown:
        payload = stored["payload"]
        return replace(found, entries=decode_entries(payload), reacted=int(payload["reacted"]))
    if newest is not None and (stored is None or stored["shown"] < found.shown):
        row = stored_row(context, newest, found.shown)
        if await asyncio.to_thread(context.store.views.swap, location.key, stored, row):
            return replace(found, stored=row)
    return found


def _is_of(location: LogLocation, payload: Mapping[str, str]) -> bool:
    of = (payload["application"], payload["number"])
    return of == (location.application, str(location.number))


def stored_row(context: Context, payload: Mapping[str, str], shown: int) -> dict[str, Any]:
    """What the store remembers of a log whose comment shows `shown` entries."""
    at, count = context.clock().isoformat(), int(payload["entry_count"])
    return {"count": count, "shown": shown, "payload": dict(payload), "at": at}
