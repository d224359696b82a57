"""Notifications: a comment of its own for each wave and cause that needs a person, once.

What was said is told by signed markers in these comments, so that neither an edit nor a restart
nor a lost database repeats it. The sentences are in `bot/wording/notices.py`.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.context import Context
from bot.effects.model import AddComment, RequestApproval
from bot.engine.propose import Proposal
from bot.forges import Comment, Markers
from bot.gather.conversations import Conversation
from bot.gather.snapshot import Gathered
from bot.report.announcements import announce_notices
from bot.wording.notices import Notice, notice_comment, notices
from planners.model import Repo

MARKER, KEYS, REVIEWERS = "notice", "keys", "reviewers"


async def notifications(
    context: Context, gathered: Gathered, proposal: Proposal
) -> tuple[AddComment | RequestApproval, ...]:
    """What is to be said now and was not said before, one comment for each merge request.

    Comments are read again before something is said: lists of a forge may be behind.
    """
    found, request = notices(proposal), gathered.app_request
    page = context.page(proposal.plan.application) if request is None else request.url
    written: list[AddComment | RequestApproval] = []
    for conversation in gathered.conversations:
        place = NoticePlace(conversation.repo, conversation.number, proposal.plan.application)
        mine = [each for each in found if _belongs(each, conversation)]
        new = await _unsaid(context, place, mine, conversation.comments)
        if new:
            comments = await context.forge(place.repo).comments(place.repo.path, place.number)
            new = await _unsaid(context, place, new, comments)
            if new:
                await announce_notices(context, gathered, proposal, new)
                ours = await _ours(context, place, comments)
                written.append(_written(context.markers, place, new, ours, page))
    homes = gathered.conversations
    lost = [each for each in found if not any(_belongs(each, home) for home in homes)]
    await announce_notices(context, gathered, proposal, lost)
    return tuple(written)


def _written(
    markers: Markers, place: "NoticePlace", new: Sequence[Notice], ours: Sequence[str], page: str
) -> AddComment | RequestApproval:
    """The comment, with reviews to request: of nobody again who took themselves off the list."""
    requested = known(markers, place, ours, REVIEWERS)
    names = dict.fromkeys(
        name
        for each in new
        for name in each.reviewers
        if name not in requested or name in each.again
    )
    text = notice_comment(new, mark(markers, place, [each.key for each in new], names), page)
    if names:
        return RequestApproval(place.repo, place.number, tuple(names), text)
    return AddComment(place.repo, place.number, text)


async def _unsaid(
    context: Context, place: "NoticePlace", found: Sequence[Notice], comments: Iterable[Comment]
) -> list[Notice]:
    """The notices that none of the bot's comments has."""
    said = known(context.markers, place, await _ours(context, place, comments))
    return [each for each in found if each.key not in said]


async def _ours(
    context: Context, place: "NoticePlace", comments: Iterable[Comment]
) -> Sequence[str]:
    """The texts of the bot's comments."""
    me = await context.forge(place.repo).me()
    return [each.body for each in comments if each.author.id == me.id]


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


def mark(
    markers: Markers, place: NoticePlace, keys: Sequence[str], reviewers: Iterable[str] = ()
) -> str:
    """The first line of a comment with the notices of these keys, valid in that place alone.

    It says whose reviews were requested with it.
    """
    payload = {
        "application": place.application,
        "number": str(place.number),
        KEYS: json.dumps(keys),
        REVIEWERS: json.dumps([*reviewers]),
    }
    return markers.write(MARKER, place.repo, payload)


def known(
    markers: Markers, place: NoticePlace, bodies: Iterable[str], what: str = KEYS
) -> frozenset[str]:
    """The keys of the notices in comments of the bot in that place, or the reviewers.

    None counts that was copied from another merge request: whoever may edit comments could silence
    the bot with it.
    """
    here = (place.application, str(place.number))
    keys: set[str] = set()
    for body in bodies:
        marker = markers.read(MARKER, place.repo, body) or {}
        if (marker.get("application"), marker.get("number")) == here:
            keys.update(json.loads(marker.get(what, "[]")))
    return frozenset(keys)
