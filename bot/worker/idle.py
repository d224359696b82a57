"""Applications on whose repositories nothing happens: their passes ask no forge and fetch nothing.

After a pass that found nothing to do and no merge request of ours open, what the forge answered is
remembered. Later passes, for a report, for facts or by time, look with these answers whether there
is something to do; if there is, the pass is made anew, with the forge. A hint about one of the
repositories, by a webhook, by the sweep or by a pass that changed it, ends the memory.

Used by `reconcile` alone.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.context import Context, KnownIdle
from bot.engine.process import PlannerError
from bot.engine.propose import Proposal
from bot.forges import UnknownAnswerError
from bot.gather.errors import GatherError
from bot.gather.repository import read_hints
from bot.gather.snapshot import Gathered, gather_rollout
from bot.report.announcements import announce_end
from bot.report.notifications import notifications
from bot.report.plan_comment import plan_comment
from bot.report.plan_view import show_plan
from bot.report.rollout_view import rollout_view
from bot.report.rules_view import show_rules
from bot.store.keys import application_key
from bot.worker.admission import give_up
from bot.worker.publish import expect_reports, show
from planners.gating.effects import RequeueAt
from planners.model.snapshot import MergeRequestState

REMEMBERED = timedelta(hours=6)
"""How long answers count, though no hint came: a pass with the forge is made then."""
MOST_IDLE = 5_000


class ForgeNeededError(Exception):
    """There is something to do."""


async def look(context: Context, application: str) -> datetime | None:
    """Make the pass of an application with remembered answers; returns when to look again.

    Raises:
        ForgeNeededError: nothing is remembered, or there is something to do.
        ForgeError, GitError: the repository of another application cannot be read.
    """
    known = context.idle.get(application)
    if known is None:
        raise ForgeNeededError
    valid = context.clock() - known.at < REMEMBERED
    if not valid or hints_of(known, await read_hints(context)) != known.hints:
        context.idle.pop(application, None)
        raise ForgeNeededError
    try:
        return await _look(replace(context, answers=known.answers), application)
    except (UnknownAnswerError, GatherError, PlannerError) as error:
        context.idle.pop(application, None)
        raise ForgeNeededError from error


async def _look(context: Context, application: str) -> datetime | None:
    gathered = await gather_rollout(context, application)
    proposal = await context.propose(gathered.snapshot)
    effects = (
        *_to_do(proposal),
        *await plan_comment(context, gathered, proposal),
        *await notifications(context, gathered, proposal),
    )
    if effects:
        raise UnknownAnswerError
    await give_up(context, application_key(application))
    await expect_reports(context, application, proposal)
    await show_plan(context, gathered, proposal)
    view = await asyncio.to_thread(rollout_view, context, gathered, proposal)
    await show(context, application, view)
    await announce_end(context, gathered, proposal)
    await show_rules(context, gathered.snapshot)
    return next_look(proposal)


def note_idle(
    context: Context, gathered: Gathered, proposal: Proposal, hints: Mapping[str, str]
) -> None:
    """Remember what the forge answered in a pass that had nothing to do.

    `hints` are from before the pass.
    """
    name, registration = gathered.snapshot.application.name, gathered.snapshot.registration
    is_open = any(each.state is MergeRequestState.OPEN for each in gathered.snapshot.merge_requests)
    if context.answers is None or is_open or _to_do(proposal) or len(context.idle) >= MOST_IDLE:
        context.idle.pop(name, None)
        return
    repos = frozenset({context.fleet, registration.app, registration.deploy})
    known = KnownIdle(repos, {}, context.answers.about(repos), context.clock())
    context.idle[name] = replace(known, hints=hints_of(known, hints))


def hints_of(known: KnownIdle, hints: Mapping[str, str]) -> dict[str, str]:
    """The hints about its repositories."""
    return {str(each): hints.get(str(each), "") for each in known.repos}


def next_look(proposal: Proposal) -> datetime | None:
    """When time changes something."""
    times = (each.at for each in proposal.evaluation.effects if isinstance(each, RequeueAt))
    return min(times, default=None)


def _to_do(proposal: Proposal) -> list[object]:
    return [each for each in proposal.evaluation.effects if not isinstance(each, RequeueAt)]
