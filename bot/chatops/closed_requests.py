"""Refuses commands on merge requests that no longer control a rollout; replies once per comment.

These are app merge requests that were closed, or replaced by a newer revision, and those of waves
that were merged or closed. Called by `reconcile`.
"""

from bot.chatops.executor import commands
from bot.chatops.handler import digests, place_of
from bot.chatops.parser import CommandReader
from bot.commandlog.entry import MARKER as LOG
from bot.commandlog.entry import decode_entries
from bot.context import Context
from bot.effects.model import React, Reply, ReplyTarget
from bot.effects.perform import REPLY, perform
from bot.forges import Comment, ForgeMergeRequest, Reaction
from bot.gather.fleet import read_fleet
from bot.gather.repository import fetch
from bot.gather.requests import MARKER
from bot.wording.answers import refused_on_closed
from planners.model import Repo

SAID = "over"


async def refuse_commands(
    context: Context, repo: Repo, request: ForgeMergeRequest, applications: tuple[str, ...]
) -> None:
    """Refuse the commands there that were not answered before; `applications` are the app repo's.

    The merge request of the revision that rolls out is none of these, though it is merged.
    """
    me = await context.forge(repo).me()
    marker = context.markers.read(MARKER, repo, request.body)
    is_wave = marker is not None and request.author.id == me.id
    application = marker["application"] if marker and is_wave else next(iter(applications), "")
    comments = await context.forge(repo).comments(repo.path, request.number)
    left = await _unanswered(context, repo, request.number, comments, deploy=is_wave)
    if not application or not left:
        return
    fleet = await read_fleet(context)
    registration = fleet.registration(application)
    if registration is None:
        return
    app = await fetch(context, registration.app)
    if not is_wave and request.merge_sha == app.head:
        return
    forge = context.forge(app.repo)
    home = await forge.merge_request_of(app.repo.path, app.head)
    now = (f"{app.repo.path}{forge.number_prefix}{home.number}", home.url) if home else None
    state = "wave" if is_wave and request.state == "merged" else request.state
    for comment in left:
        refused = React(repo, request.number, comment.id, Reaction.REFUSED)
        target = ReplyTarget(repo, request.number, comment, SAID)
        await perform(context, [refused, Reply(target, refused_on_closed(state, now))])


async def _unanswered(
    context: Context, repo: Repo, number: int, comments: tuple[Comment, ...], *, deploy: bool
) -> list[Comment]:
    """Comments with a command line that no log entry and no reply answers."""
    me = await context.forge(repo).me()
    reader = CommandReader(me.login, tuple(each.verb for each in commands().values()))
    known: set[tuple[str, str]] = set()
    for each in comments:
        if each.author.id == me.id:
            known |= _answered(context, repo, number, each, deploy=deploy)
    found = []
    for comment in comments:
        where = place_of(comment.id, number, deploy=deploy)
        said = {said for said, _ in digests(reader.read(comment.body))}
        new = {(where, each) for each in said} - known
        if new and not comment.author.bot and comment.author.id != me.id:
            found += [comment] if (where, SAID) not in known else []
    return found


def _answered(
    context: Context, repo: Repo, number: int, ours: Comment, *, deploy: bool
) -> set[tuple[str, str]]:
    """The command lines that a comment of the bot answers, as a command log or as a reply."""
    recorded = context.markers.read(LOG, repo, ours.body)
    if recorded is not None:
        return {entry.key for entry in decode_entries(recorded)}
    replied = context.markers.read(REPLY, repo, ours.body)
    if replied is not None:
        return {(place_of(int(replied["to"]), number, deploy=deploy), replied["said"])}
    return set()
