"""The reconcile pass: gather a Snapshot, propose, run commands, apply, report."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from bot.chatops.closed_requests import refuse_commands
from bot.chatops.fork_requests import PlanRequest, find_plan_request
from bot.chatops.handler import CommandSession
from bot.chatops.pauses import restore_pauses
from bot.context import Context
from bot.effects.apply import apply
from bot.effects.gates import ask_gates
from bot.effects.perform import perform
from bot.effects.wake import hint
from bot.engine.process import PlannerError
from bot.engine.propose import Proposal
from bot.forges import Answers, ForgeMergeRequest
from bot.gather.errors import AwayError, DocumentsError, GatherError, NotRegisteredError
from bot.gather.peers import others_read
from bot.gather.repository import Checkouts, read_hints
from bot.gather.snapshot import Gathered, gather_review, gather_rollout
from bot.report.announcements import announce_end
from bot.report.held_requests import held_requests
from bot.report.notifications import notifications
from bot.report.plan_comment import (
    PlanCommentTarget,
    fork_comment,
    plan_comment,
    problem_comment,
)
from bot.report.plan_view import show_plan
from bot.report.proposed_plan import forget_open_plans, show_proposed_plan
from bot.report.rollout_view import problem_view, rollout_view
from bot.report.rules_view import show_rules
from bot.worker.admission import admission
from bot.worker.idle import ForgeNeededError, look, note_idle
from bot.worker.publish import expect_reports, remember, show
from planners.model import Repo


async def reconcile_application(context: Context, application: str) -> datetime | None:
    """Bring one application a step nearer to its newest revision.

    Returns when to reconcile again without a hint, or None. Mistakes in documents are reported, and
    the next pass comes with the hint that they changed. What is away is tried again. Where nothing
    happened since the last pass, and nothing is to be done, the forge is not asked.

    Raises:
        AwayError: something that the plan needs is away.
    """
    try:
        return await look(context, application)
    except ForgeNeededError:
        hints = await read_hints(context)
        return await _reconcile(replace(context, answers=Answers()), application, hints)


async def _reconcile(
    context: Context, application: str, hints: Mapping[str, str]
) -> datetime | None:
    """The pass, with the forge; `hints` were newest before it."""
    try:
        gathered, proposal = await _propose(context, application, hints)
    except NotRegisteredError:
        return None
    except (GatherError, PlannerError) as error:
        problems = _problems(error)
        await show(context, application, problem_view(application, problems, context.clock()))
        await perform(context, await held_requests(context, application, problems[0]))
        if isinstance(error, AwayError):
            raise
        return None
    session = CommandSession(context, gathered, proposal)
    if await session.run_actions():
        return context.clock()
    gathered = session.gathered
    async with admission(context, gathered, session.proposal) as proposal:
        await expect_reports(context, application, proposal)
        applied = await apply(context, gathered, proposal)
        if applied.changed:
            await hint(context, [gathered.deploy.repo])
    later = await perform(context, await plan_comment(context, gathered, proposal))
    await show_plan(context, gathered, proposal)
    view = await asyncio.to_thread(rollout_view, context, gathered, proposal)
    await show(context, application, view)
    await announce_end(context, gathered, proposal)
    await show_rules(context, gathered.snapshot)
    await session.answer_queries()
    if applied.changed:
        return context.clock()
    note_idle(context, gathered, proposal, hints)
    again = await perform(context, await notifications(context, gathered, proposal))
    return min((each for each in (applied.requeue_at, later, again) if each), default=None)


async def _propose(
    context: Context, application: str, hints: Mapping[str, str]
) -> tuple[Gathered, Proposal]:
    """What is known, what gates answer now, and what should be done."""
    gathered = await gather_rollout(context, application, hints)
    await remember(context, application, others_read(gathered.snapshot.application))
    await restore_pauses(context, gathered)
    return await ask_gates(context, gathered, await context.propose(gathered.snapshot))


async def reconcile_review(
    checkouts: Checkouts, repo: Repo, request: ForgeMergeRequest, applications: tuple[str, ...]
) -> datetime | None:
    """Show on an open app merge request what merging it would do, and answer commands there.

    Returns when to reconcile again, if ever. On a closed one commands are refused.

    Raises:
        AwayError: something that a plan needs is away; the comments say so.
    """
    context = checkouts.context
    if request.state != "open":
        await forget_open_plans(context, repo, request, applications)
        await refuse_commands(context, repo, request, applications)
        return None
    plan_request = None
    if request.source_repository != repo.path:
        plan_request = await find_plan_request(context, repo, request)
    own = request.source_repository == repo.path
    later: list[datetime | None] = []
    away: AwayError | None = None
    for application in applications:
        if own or (plan_request is not None and plan_request.head == request.head):
            try:
                later.append(await _review(checkouts, repo, application, request, plan_request))
            except AwayError as error:
                away = error
        else:
            target = await _target(context, repo, application, request, plan_request)
            asker = plan_request.by if plan_request else ""
            later.append(await perform(context, await fork_comment(context, target, asker)))
    if away is not None:
        raise away
    return min((each for each in later if each), default=None)


async def _review(
    checkouts: Checkouts,
    repo: Repo,
    application: str,
    request: ForgeMergeRequest,
    plan_request: PlanRequest | None,
) -> datetime | None:
    context = checkouts.context
    try:
        gathered = await gather_review(checkouts, application, request)
        proposal = await context.propose(gathered.snapshot)
    except (GatherError, PlannerError) as error:
        target = await _target(context, repo, application, request, plan_request)
        away = isinstance(error, AwayError)
        comment = await problem_comment(context, target, _problems(error), passing=away)
        later = await perform(context, comment)
        if away:
            raise
        return later
    await show_proposed_plan(context, gathered, proposal)
    asked, head = (plan_request.comment, plan_request.head) if plan_request else ("", "")
    comment = await plan_comment(context, gathered, proposal, asked=asked, head=head)
    later = await perform(context, comment)
    await CommandSession(context, gathered, proposal, preview=True).answer_queries()
    return later


async def _target(
    context: Context,
    repo: Repo,
    application: str,
    request: ForgeMergeRequest,
    plan_request: PlanRequest | None,
) -> PlanCommentTarget:
    """Where the comment of an application without a plan belongs, read now."""
    forge = context.forge(repo)
    return PlanCommentTarget(
        repo,
        application,
        request,
        await forge.comments(repo.path, request.number),
        await forge.statuses(repo.path, request.head),
        asked=plan_request.comment if plan_request else "",
        head=plan_request.head if plan_request else "",
    )


def _problems(error: GatherError | PlannerError) -> list[str]:
    """What people must fix, one entry each."""
    if isinstance(error, DocumentsError):
        return [str(each) for each in error.problems]
    if isinstance(error, AwayError):
        return [f"{error}; it is tried again, first every few seconds, then every two minutes"]
    return [str(error)]
