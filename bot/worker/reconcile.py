"""The pass: read the world, let the core decide, write. Every hint leads here and nowhere else."""

from datetime import datetime

from bot.chatops.closed_requests import refuse
from bot.chatops.fork_requests import find_ask
from bot.chatops.handler import Hearing
from bot.chatops.pauses import restore_pauses
from bot.context import Context
from bot.effects.apply import apply
from bot.engine.process import PlannerError
from bot.forges import ForgeMergeRequest
from bot.gather.errors import DocumentsError, GatherError, NotRegisteredError
from bot.gather.neighbours import depended_on
from bot.gather.snapshot import gather_review, gather_rollout
from bot.report.notifications import notify
from bot.report.plan_comment import Home, write_home, write_problems, write_unasked
from bot.report.plan_view import show_plan
from bot.report.rollout_view import problem_view, rollout_view
from bot.worker.publish import remember, show
from planners.model import Repo


async def reconcile_application(context: Context, application: str) -> datetime | None:
    """Bring one application a step nearer to what its newest revision asks for.

    Returns when to look again without any hint, or None. A mistake in documents is shown, and waits
    for the hint that they changed.
    """
    try:
        gathered = await gather_rollout(context, application)
        await remember(context, application, depended_on(gathered.snapshot.application))
        await restore_pauses(context, gathered)
        proposal = await context.propose(gathered.snapshot)
    except NotRegisteredError:
        return None
    except (GatherError, PlannerError) as error:
        await show(
            context, application, problem_view(application, _problems(error), context.clock())
        )
        return None
    hearing = Hearing(context, gathered, proposal, gathered.command_log)
    if await hearing.obey():
        return context.clock()
    applied = await apply(context, gathered, proposal)
    later = await write_home(context, gathered, proposal)
    await show_plan(context, gathered, proposal)
    await show(context, application, rollout_view(gathered, proposal))
    await hearing.tell()
    if applied.changed:
        return context.clock()
    again = await notify(context, gathered, proposal)
    return min((each for each in (applied.requeue_at, later, again) if each), default=None)


async def reconcile_review(
    context: Context, repo: Repo, number: int, applications: tuple[str, ...]
) -> datetime | None:
    """Show on an open app merge request what merging it would do, and answer who asks there.

    Returns when to look again, if ever. On one that is closed commands are refused.
    """
    request = await context.forge(repo).merge_request(repo.path, number)
    if request.state != "open":
        await refuse(context, repo, request, applications)
        return None
    ask = None
    if request.source_repository != repo.path:
        ask = await find_ask(context, repo, request)
    later: list[datetime | None] = []
    for application in applications:
        home = Home(repo, application, ask.comment, ask.head) if ask else Home(repo, application)
        if request.source_repository == repo.path or (ask and ask.head == request.head):
            later.append(await _review(context, request, home))
        else:
            await write_unasked(context, request, home, ask.by if ask else "")
    return min((each for each in later if each), default=None)


async def _review(context: Context, request: ForgeMergeRequest, home: Home) -> datetime | None:
    try:
        gathered = await gather_review(context, home.application, request)
        proposal = await context.propose(gathered.snapshot)
    except (GatherError, PlannerError) as error:
        await write_problems(context, request, home, _problems(error))
        return None
    later = await write_home(context, gathered, proposal, home)
    await Hearing(context, gathered, proposal, gathered.command_log, preview=True).tell()
    return later


def _problems(error: GatherError | PlannerError) -> list[str]:
    """What people must put right, one entry each."""
    if isinstance(error, DocumentsError):
        return [str(each) for each in error.problems]
    return [str(error)]
