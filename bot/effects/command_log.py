"""Writes command logs: to the store first, by one worker only, then to the bot's comment."""

import asyncio

from bot.commandlog.entry import MARKER, CommandLogEntry, encode_entries, render_log
from bot.commandlog.log import CommandLog, LogLocation, stored_row
from bot.context import Context
from bot.store.keys import COMMAND_LOG

MOST_KEPT = 50


class OvertakenError(Exception):
    """Another worker wrote the log meanwhile: read everything again."""


async def write_log(
    context: Context, known: CommandLog, entries: tuple[CommandLogEntry, ...], reacted: int
) -> CommandLog:
    """Write the entries of a log; those before `reacted` have their outcome under their comment.

    Raises:
        OvertakenError: another worker wrote the log since it was read.
    """
    location, views = known.location, context.store.views
    payload = {
        "application": location.application,
        "number": str(location.number),
        "entry_count": str(len(entries)),
        "reacted": str(reacted),
        "entries": encode_entries(entries),
    }
    shown = known.stored["shown"] if known.stored else known.shown
    begun = stored_row(context, payload, shown)
    if not await asyncio.to_thread(views.swap, location.key, known.stored, begun):
        raise OvertakenError
    forge, path = context.forge(location.repo), location.repo.path
    body = render_log(entries, context.markers.write(MARKER, location.repo, payload))
    comment = known.comment
    if comment is None:
        comment = (await forge.add_comment(path, location.number, body)).id
    else:
        await forge.edit_comment(path, location.number, comment, body)
    done = {**begun, "shown": len(entries)}
    await asyncio.to_thread(views.swap, location.key, begun, done)
    await asyncio.to_thread(_prune, context, location)
    return CommandLog(location, entries, reacted, comment, len(entries), done)


def _prune(context: Context, location: LogLocation) -> None:
    """Keep the newest logs of an application only."""
    rows = context.store.views.list(f"{COMMAND_LOG}{location.application}/")
    newest_first = sorted(rows, key=lambda row: row[1]["at"], reverse=True)
    context.store.views.drop([key for key, _ in newest_first[MOST_KEPT:]])
