"""Performs the effects of `model`: the only writer of comments, reactions, statuses and pauses.

Each effect is done so that doing it again changes nothing. What is on the forge was read in this
pass; the only memory here is of pace, and losing it costs one write.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from bot.context import Context, Paced
from bot.effects.model import (
    AddComment,
    EditComment,
    Effect,
    React,
    Reply,
    ReplyTarget,
    RequestApproval,
    RetryMerge,
    SetStatus,
    Wake,
    WritePauses,
)
from bot.effects.push import BOT, push
from bot.effects.wake import wake
from bot.forges import ForgeError, StatusState, TransientForgeError
from bot.gather.pauses import BRANCH, key_of, payload
from bot.gather.pauses import MARKER as PAUSES
from bot.git import BranchUpdate, GitError, TransientGitError
from bot.metrics.catalogue import EFFECTS_DONE, label_of
from bot.tracing import traced_effect
from bot.wording.markdown import code

REPLY = "reply"
SHOWN = timedelta(hours=1)
LISTED = timedelta(minutes=5)
"""A forge may list comments without a new one for a while; by then it does not any more."""
MOST_PACED = 10_000

log = structlog.get_logger()


async def perform(context: Context, effects: Iterable[Effect]) -> datetime | None:
    """Perform effects in their order.

    Returns when to perform those again that have to wait: for their pace, or for a busy forge.

    Raises:
        ForgeError: the forge refused one for good.
        TransientForgeError: it is busy, and the effect is needed now.
        GitError, TransientGitError: a branch was not written.
        ClaimLostError: another worker has the key of this pass; nothing more is written.
    """
    waits = [await _counted(context, each) for each in effects]
    return min((each for each in waits if each is not None), default=None)


async def _counted(context: Context, effect: Effect) -> datetime | None:
    """Perform and count an effect; one that waits for its pace counts when it is performed."""
    labels = {"effect": label_of(effect), "outcome": "failed"}
    with (
        context.metrics.counted(EFFECTS_DONE, **labels) as told,
        traced_effect(labels["effect"], context.clock, told),
    ):
        until = await _perform(context, effect)
        told["outcome"] = "done" if until is None else "delayed"
    return until


async def _perform(context: Context, effect: Effect) -> datetime | None:
    match effect:
        case AddComment() | RequestApproval() | EditComment() | SetStatus():
            return await _write_text(context, effect)
        case Reply():
            await _reply(context, effect)
        case React():
            await _react(context, effect)
        case WritePauses():
            await _write_pauses(context, effect)
        case RetryMerge(repo, number):
            context.refusals.pop((repo, number), None)
        case Wake(keys):
            await wake(context, keys)
        case unreachable:
            assert_never(unreachable)
    return None


async def _write_text(
    context: Context, effect: AddComment | RequestApproval | EditComment | SetStatus
) -> datetime | None:
    """Write a text, unless its pace or a busy forge delays it; returns until when.

    A pass goes on without its texts. It does not go on without a status that lets something merge.
    """
    pace, now = effect.pace, context.clock()
    if pace is not None and not pace.absent:
        last = context.pacing.get(pace.key)
        if last is not None and last.kind == pace.kind and now < last.until:
            return last.until
    try:
        await _send(context, effect)
    except TransientForgeError as error:
        if isinstance(effect, SetStatus) and effect.status.state is not StatusState.PENDING:
            raise
        log.warning("write delayed", effect=type(effect).__name__, error=str(error))
        return now + timedelta(seconds=error.retry_after)
    if pace is not None:
        _pace(context, pace.key, Paced(pace.kind, now + pace.every))
    return None


def _pace(context: Context, key: tuple[str, ...], paced: Paced) -> None:
    """Remember a pace, and forget those that are over where there are many."""
    if len(context.pacing) >= MOST_PACED:
        now = context.clock()
        for old in [name for name, each in context.pacing.items() if each.until <= now]:
            del context.pacing[old]
    context.pacing[key] = paced


async def _send(
    context: Context, effect: AddComment | RequestApproval | EditComment | SetStatus
) -> None:
    forge, path = context.forge(effect.repo), effect.repo.path
    match effect:
        case RequestApproval(number=number, body=body):
            await _request_reviews(context, effect)
            await forge.add_comment(path, number, body)
        case AddComment(number=number, body=body):
            await forge.add_comment(path, number, body)
        case EditComment(number=number, comment=comment, body=body):
            await forge.edit_comment(path, number, comment, body)
        case SetStatus(commit=commit, status=status):
            await forge.set_status(path, commit, status)


async def _request_reviews(context: Context, effect: RequestApproval) -> None:
    """Request reviews; where a forge refuses that for good, the comment alone has to do."""
    forge, repo = context.forge(effect.repo), effect.repo
    try:
        await forge.request_reviews(repo.path, effect.number, effect.reviewers)
    except TransientForgeError:
        raise
    except ForgeError as error:
        log.warning("no review requested", repository=str(repo), error=str(error))


async def _reply(context: Context, effect: Reply) -> None:
    target = effect.target
    repo, marker = target.repo, reply_marker(target)
    key = (str(repo), str(target.number), *marker.values())
    if (last := context.pacing.get(key)) is not None and context.clock() < last.until:
        return
    forge = context.forge(repo)
    me = await forge.me()
    for each in await forge.comments(repo.path, target.number):
        if each.author.id == me.id and context.markers.read(REPLY, repo, each.body) == marker:
            return
    about = f", about {code(target.application)}" if target.application else ""
    head = f"To {code(target.comment.author.login)}{about}:"
    text = f"{context.markers.write(REPLY, repo, marker)}\n{head}\n\n{effect.text}"
    await forge.add_comment(repo.path, target.number, text)
    _pace(context, key, Paced(REPLY, context.clock() + LISTED))


def reply_marker(target: ReplyTarget) -> dict[str, str]:
    """The payload of the marker by which a reply is found again."""
    return {"to": str(target.comment.id), "said": target.said, "about": target.application}


async def _react(context: Context, effect: React) -> None:
    """Put a reaction under a comment; the same one again after an hour at the earliest."""
    last, now = context.pacing.get(effect.key), context.clock()
    if last is not None and now < last.until:
        return
    try:
        await context.forge(effect.repo).react(
            effect.repo.path, effect.number, effect.comment, effect.reaction
        )
    except ForgeError as error:
        log.warning("no reaction", repository=str(effect.repo), error=str(error))
        if isinstance(error, TransientForgeError):
            return
    _pace(context, effect.key, Paced(effect.reaction.value, now + SHOWN))


async def _write_pauses(context: Context, effect: WritePauses) -> None:
    """Push a commit that says what is paused: the files are main's, and it is never merged."""
    checkout, paused = effect.checkout, effect.paused
    told, repo = payload(paused), checkout.repo
    names = ", ".join(each.target for each in paused.pauses) or "nothing"
    message = f"Paused: {names[:200]}\n\n{context.markers.write(PAUSES, repo, told)}\n"
    commit = await asyncio.to_thread(
        checkout.mirror.commit, checkout.head, {}, message=message, author=BOT, at=context.clock()
    )
    update = BranchUpdate(commit, paused.head)
    refusal = (await push(context, checkout, {BRANCH: update}))[BRANCH]
    if refusal is not None:
        kind = TransientGitError if refusal.startswith("stale") else GitError
        raise kind(f"{repo}: {BRANCH} was not written: {refusal}")
    await asyncio.to_thread(context.store.views.put, key_of(repo), dict(told))
