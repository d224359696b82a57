"""Notifications: a comment of its own for each wave and cause that needs a person, once.

What was said is told by signed markers in these comments, so that neither an edit nor a restart
nor a lost database repeats it. The sentences are in `bot/wording/notices.py`.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.context import Context
from bot.effects.model import AddComment
from bot.engine.propose import Proposal
from bot.forges import Comment, Markers
from bot.gather.conversations import Conversation
from bot.gather.snapshot import Gathered
from bot.wording.notices import Notice, notice_comment, notices
from planners.model import Repo

MARKER = "notice"


async def notifications(
    context: Context, gathered: Gathered, proposal: Proposal
) -> tuple[AddComment, ...]:
    """What is to be said now and was not said before, one comment for each merge request.

    Comments are read again before something is said: lists of a forge may be behind.
    """
    found, request = notices(proposal), gathered.app_request
    page = context.page(proposal.plan.application) if request is None else request.url
    written: list[AddComment] = []
    for conversation in gathered.conversations:
        place = NoticePlace(conversation.repo, conversation.number, proposal.plan.application)
        mine = [each for each in found if _belongs(each, conversation)]
        new = await _unsaid(context, place, mine, conversation.comments)
        if new:
            comments = await context.forge(place.repo).comments(place.repo.path, place.number)
            new = await _unsaid(context, place, new, comments)
        if new:
            marker = mark(context.markers, place, [each.key for each in new])
            written.append(AddComment(place.repo, place.number, notice_comment(new, marker, page)))
    return tuple(written)


async def _unsaid(
    context: Context, place: "NoticePlace", found: Sequence[Notice], comments: Iterable[Comment]
) -> list[Notice]:
    """The notices that none of the bot's comments has."""
    me = await context.forge(place.repo).me()
    said = known(
        context.markers, place, [each.body for each in comments if each.author.id == me.id]
    )
    return [each for each in found if each.key not in said]


def _belongs(notice: Notice, conversation: Conversation) -> bool:
    """Whether a notice goes to that merge request: a wave's own, or the app's for the rest."""
    if notice.number is None:
        return not conversation.wave
    return bool(conversation.wave) and notice.number == conversation.number


@dataclass(frozen=True, slots=True)
class NoticePlace:
    """A merge request on which an application's notices are said."""

    repo: Repo
    number: int
    application: str


def mark(markers: Markers, place: NoticePlace, keys: Sequence[str]) -> str:
    """The first line of a comment with the notices of these keys, valid in that place alone."""
    payload = {
        "application": place.application,
        "number": str(place.number),
        "keys": json.dumps(keys),
    }
    return markers.write(MARKER, place.repo, payload)


def known(markers: Markers, place: NoticePlace, bodies: Iterable[str]) -> frozenset[str]:
    """The keys of the notices in comments of the bot in that place.

    None counts that was copied from another merge request: whoever may edit comments could silence
    the bot with it.
    """
    here = (place.application, str(place.number))
    keys: set[str] = set()
    for body in bodies:
        marker = markers.read(MARKER, place.repo, body) or {}
        if (marker.get("application"), marker.get("number")) == here:
            keys.update(json.loads(marker["keys"]))
    return frozenset(keys)
