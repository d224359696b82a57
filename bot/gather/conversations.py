"""Conversations: the comments of a rollout's merge requests, each read once in a pass."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.commandlog.log import CommandLog, LogLocation, read_log, read_logs
from bot.context import Context
from bot.forges import Comment
from planners.model import Repo
from planners.model.snapshot import MergeRequest, MergeRequestState


@dataclass(frozen=True, slots=True)
class Conversation:
    """All comments of a merge request; `wave` is the wave it is for, empty on the app's.

    `command_log` is the application's log there.
    """

    repo: Repo
    number: int
    wave: str
    comments: tuple[Comment, ...]
    command_log: CommandLog


async def read_conversation(context: Context, location: LogLocation) -> Conversation:
    """The comments and the command log of the app merge request."""
    repo, number = location.repo, location.number
    comments = await context.forge(repo).comments(repo.path, number)
    log = await read_log(context, location, comments)
    return Conversation(repo, number, "", comments, log)


async def read_wave_conversations(
    context: Context, repo: Repo, application: str, requests: Iterable[MergeRequest]
) -> tuple[Conversation, ...]:
    """Those of the open merge requests of waves."""
    forge, waves, found = context.forge(repo), list[str](), dict[LogLocation, tuple[Comment, ...]]()
    for each in requests:
        if each.state is MergeRequestState.OPEN and each.branch is not None:
            waves.append(each.wave)
            location = LogLocation(repo, each.number, application)
            found[location] = await forge.comments(repo.path, each.number)
    logs = await read_logs(context, found)
    return tuple(
        Conversation(repo, location.number, wave, comments, log)
        for wave, (location, comments), log in zip(waves, found.items(), logs, strict=True)
    )
