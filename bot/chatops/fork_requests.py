"""Merge requests from forks: planned when somebody with write access names the commit to plan.

The owner of the fork can push between the review and the comment, and between the comment and the
pass that reads it. So a plan is made for the commit that the comment names only, by its full id: it
is easy to make a commit whose id begins like that of another.

Their content is read and never executed, but even a plan reveals parts of the fleet. Called by
`reconcile`.
"""

import re
from dataclasses import dataclass

from bot.chatops.commands import HEAD
from bot.chatops.parser import CommandReader, ParsedCommand, Verb
from bot.context import Context
from bot.effects.model import React
from bot.effects.perform import perform
from bot.forges import Comment, Forge, ForgeMergeRequest, Reaction
from bot.report.plan_comment import MARKER
from planners.model import Repo, Role

PLAN = Verb("plan", (HEAD,))
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """A request for a plan of a fork: the comment, its author, and the commit to plan, `head`.

    `head` is empty if the comment names no commit by its full id.
    """

    comment: str
    by: str
    head: str


async def find_plan_request(
    context: Context, repo: Repo, request: ForgeMergeRequest, marker: str = MARKER
) -> PlanRequest | None:
    """The newest request by somebody with role write; a new one gets a reaction.

    `marker` is that of the bot's comment that answers it.
    """
    forge = context.forge(repo)
    comments = await forge.comments(repo.path, request.number)
    answered = await _answered(context, repo, comments, marker)
    reader = CommandReader((await forge.me()).login, (PLAN,))
    for comment in reversed(comments):
        found = (each for each in reader.read(comment.body) if isinstance(each, ParsedCommand))
        command = next(found, None)
        if command is None or comment.author.bot:
            continue
        if await _may_request(forge, repo, comment):
            number, by = str(comment.id), comment.author.login
            named = (command.first(HEAD.name, str) or "").lower()
            head = named if _COMMIT.fullmatch(named) else ""
            if answered != number and head == request.head:
                await perform(context, [React(repo, request.number, comment.id, Reaction.SEEN)])
            return PlanRequest(number, by, head)
    return None


async def _may_request(forge: Forge, repo: Repo, comment: Comment) -> bool:
    return await forge.role(repo.path, comment.author.login) >= Role.WRITE


async def _answered(context: Context, repo: Repo, comments: tuple[Comment, ...], kind: str) -> str:
    """The request that the bot's own comment answers."""
    me = await context.forge(repo).me()
    for comment in comments:
        marker = context.markers.read(kind, repo, comment.body)
        if comment.author.id == me.id and marker and "asked" in marker:
            return marker["asked"]
    return ""
