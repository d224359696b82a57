"""Merge requests from forks: planned when somebody who may write here asks, for that head alone.

What strangers propose is read, never run; but even a plan tells of the fleet. Called by
`reconcile`.
"""

from dataclasses import dataclass

from bot.chatops.parser import ParsedCommand, Reader, Verb
from bot.context import Context
from bot.effects.model import React
from bot.effects.perform import perform
from bot.forges import Comment, Forge, ForgeMergeRequest, Reaction
from bot.report.plan_comment import MARKER
from planners.model import Repo, Role

PLAN = Verb("plan")


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody asked for a plan; `head` is what the plan was, or is to be, made for."""

    comment: str
    by: str
    head: str


async def find_ask(context: Context, repo: Repo, request: ForgeMergeRequest) -> Ask | None:
    """The newest request for a plan by somebody with the role write; a new one gets a reaction."""
    forge = context.forge(repo)
    comments = await forge.comments(repo.path, request.number)
    asked, head = await _answered(context, repo, comments)
    reader = Reader((await forge.me()).login, (PLAN,))
    for comment in reversed(comments):
        asks = any(isinstance(each, ParsedCommand) for each in reader.read(comment.body))
        if not asks or comment.author.bot:
            continue
        if await _may_ask(forge, repo, comment):
            number, by = str(comment.id), comment.author.login
            if asked == number:
                return Ask(number, by, head)
            seen = React(repo, request.number, comment.id, Reaction.SEEN)
            await perform(context, [seen])
            return Ask(number, by, request.head)
    return None


async def _may_ask(forge: Forge, repo: Repo, comment: Comment) -> bool:
    return await forge.role(repo.path, comment.author.login) >= Role.WRITE


async def _answered(context: Context, repo: Repo, comments: tuple[Comment, ...]) -> tuple[str, str]:
    """The comment that our own one answers, and the head that it speaks of."""
    me = await context.forge(repo).me()
    for comment in comments:
        marker = context.markers.read(MARKER, repo, comment.body)
        if comment.author.id == me.id and marker and "asked" in marker:
            return marker["asked"], marker.get("head", "")
    return "", ""
