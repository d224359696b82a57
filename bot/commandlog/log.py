"""Reads and writes records, each in a comment of the bot's own. Used by `gather`, `obey`, `over`.

Whoever may write in a repository can edit the bot's comments, or delete them: an older copy is as
genuine as the newest. So the store remembers the newest of each and what it remembers is believed
over an older one, which is put back with a word. It is written there first, by one worker only.
Where the database is lost the newest genuine copy is believed.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from bot.commandlog.entry import (
    MARKER,
    CommandLogEntry,
    decode_entries,
    encode_entries,
    render_log,
)
from bot.context import Context
from bot.forges import Comment
from bot.store.keys import COMMAND_LOG
from planners.model import Repo

MOST_KEPT = 50


class OvertakenError(Exception):
    """Another worker wrote the record meanwhile: look at everything anew."""


@dataclass(frozen=True, slots=True)
class LogLocation:
    """The merge request where an application's record stands."""

    repo: Repo
    number: int
    application: str

    @property
    def key(self) -> str:
        """Its key in the store."""
        name = sha256(f"{self.repo}!{self.number}".encode()).hexdigest()[:16]
        return f"{COMMAND_LOG}{self.application}/{name}"


@dataclass(frozen=True, slots=True)
class CommandLog:
    """A record as it is believed; of the first `reacted` deeds the comments show what came of them.

    `comment` is where it stands and `shown` how many deeds are there, `kept` what the store has.
    """

    location: LogLocation
    entries: tuple[CommandLogEntry, ...] = ()
    reacted: int = 0
    comment: int | None = None
    shown: int = 0
    kept: Mapping[str, Any] | None = None

    @property
    def is_behind(self) -> bool:
        """Whether the comment lacks deeds."""
        return self.shown < len(self.entries)

    @property
    def was_changed(self) -> bool:
        """Whether the comment once had more than it has."""
        return self.kept is not None and self.shown < self.kept["shown"]


async def read_log(
    context: Context, location: LogLocation, comments: Iterable[Comment]
) -> CommandLog:
    """What the comments of a merge request and the store say."""
    me = await context.forge(location.repo).me()
    kept = await asyncio.to_thread(context.store.views.get, location.key)
    found, newest = CommandLog(location, kept=kept), None
    for comment in comments:
        payload = context.markers.read(MARKER, location.repo, comment.body.partition("\n")[0])
        if comment.author.id != me.id or payload is None:
            continue
        mine = payload["application"] == location.application and payload["number"] == str(
            location.number
        )
        if mine and (found.comment is None or int(payload["entry_count"]) > found.shown):
            entries = decode_entries(payload)
            reacted = int(payload["reacted"])
            found = CommandLog(location, entries, reacted, comment.id, len(entries), kept)
            newest = payload
    if kept is not None and kept["count"] > found.shown:
        entries, reacted = decode_entries(kept["payload"]), int(kept["payload"]["reacted"])
        found = replace(found, entries=entries, reacted=reacted)
    elif newest is not None and (kept is None or kept["shown"] < found.shown):
        now = _row(context, newest, found.shown)
        if await asyncio.to_thread(context.store.views.swap, location.key, kept, now):
            found = replace(found, kept=now)
    return found


def _row(context: Context, payload: Mapping[str, str], shown: int) -> dict[str, Any]:
    """What the store remembers of a record, of which `shown` deeds stand in its comment."""
    at, count = context.clock().isoformat(), int(payload["entry_count"])
    return {"count": count, "shown": shown, "payload": dict(payload), "at": at}


async def write_log(
    context: Context, known: CommandLog, entries: tuple[CommandLogEntry, ...], reacted: int
) -> CommandLog:
    """Let the record say this, in the store and then in its comment.

    Raises:
        OvertakenError: see there.
    """
    location, views = known.location, context.store.views
    payload = {
        "application": location.application,
        "number": str(location.number),
        "entry_count": str(len(entries)),
        "reacted": str(reacted),
        "entries": encode_entries(entries),
    }
    kept = _row(context, payload, known.kept["shown"] if known.kept else known.shown)
    if not await asyncio.to_thread(views.swap, location.key, known.kept, kept):
        raise OvertakenError
    forge, path = context.forge(location.repo), location.repo.path
    body = render_log(entries, context.markers.write(MARKER, location.repo, payload))
    comment = known.comment
    if comment is None:
        comment = (await forge.add_comment(path, location.number, body)).id
    else:
        await forge.edit_comment(path, location.number, comment, body)
    done = {**kept, "shown": len(entries)}
    await asyncio.to_thread(views.swap, location.key, kept, done)
    await asyncio.to_thread(_forget, context, location)
    return CommandLog(location, entries, reacted, comment, len(entries), done)


def _forget(context: Context, location: LogLocation) -> None:
    """Keep the newest records of an application only."""
    rows = context.store.views.list(f"{COMMAND_LOG}{location.application}/")
    newest_first = sorted(rows, key=lambda row: row[1]["at"], reverse=True)
    context.store.views.drop([key for key, _ in newest_first[MOST_KEPT:]])
