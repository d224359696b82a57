"""Merge requests from forks: planned on request of somebody with write access, for that head only.

Their content is read and never executed, but even a plan reveals parts of the fleet. Called by
`reconcile`.
"""

from dataclasses import dataclass

from bot.chatops.parser import CommandReader, ParsedCommand, Verb
from bot.context import Context
from bot.effects.model import React
from bot.effects.perform import perform
from bot.forges import Comment, Forge, ForgeMergeRequest, Reaction
from bot.report.plan_comment import MARKER
from planners.model import Repo, Role

PLAN = Verb("plan")


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """A request for a plan of a fork: the comment, its author, and the commit to plan, `head`."""

    comment: str
    by: str
    head: str


async def find_plan_request(
    context: Context, repo: Repo, request: ForgeMergeRequest
) -> PlanRequest | None:
    """The newest request by somebody with role write; a new one gets a reaction."""
    forge = context.forge(repo)
    comments = await forge.comments(repo.path, request.number)
    answered, head = await _answered(context, repo, comments)
    reader = CommandReader((await forge.me()).login, (PLAN,))
    for comment in reversed(comments):
        is_request = any(isinstance(each, ParsedCommand) for each in reader.read(comment.body))
        if not is_request or comment.author.bot:
            continue
        if await _may_request(forge, repo, comment):
            number, by = str(comment.id), comment.author.login
            if answered == number:
                return PlanRequest(number, by, head)
            seen = React(repo, request.number, comment.id, Reaction.SEEN)
            await perform(context, [seen])
            return PlanRequest(number, by, request.head)
    return None


async def _may_request(forge: Forge, repo: Repo, comment: Comment) -> bool:
    return await forge.role(repo.path, comment.author.login) >= Role.WRITE


async def _answered(context: Context, repo: Repo, comments: tuple[Comment, ...]) -> tuple[str, str]:
    """The request that the bot's own comment answers, and the commit that it was made for."""
    me = await context.forge(repo).me()
    for comment in comments:
        marker = context.markers.read(MARKER, repo, comment.body)
        if comment.author.id == me.id and marker and "asked" in marker:
            return marker["asked"], marker.get("head", "")
    return "", ""
