"""The pass: read the world, let the core decide, write. Every hint leads here and nowhere else."""

from datetime import datetime

from bot.chatops.closed_requests import refuse
from bot.chatops.fork_requests import find_ask
from bot.chatops.handler import Hearing
from bot.chatops.pauses import put_back
from bot.context import Shell
from bot.effects.apply import apply
from bot.engine.process import PlannerError
from bot.forges import ForgeMergeRequest
from bot.gather.documents import DocumentsError
from bot.gather.neighbours import depended_on
from bot.gather.repository import GatherError, NotRegisteredError
from bot.gather.snapshot import gather_review, gather_rollout
from bot.report.notifications import give_notice
from bot.report.plan_comment import Home, write_home, write_problems, write_unasked
from bot.report.plan_view import show_plan
from bot.report.rollout_view import problem_view, rollout_view
from bot.worker.publish import remember, show
from planners.model import Repo


async def reconcile_application(shell: Shell, application: str) -> datetime | None:
    """Bring one application a step nearer to what its newest revision asks for.

    Returns when to look again without any hint, or None. A mistake in documents is shown, and waits
    for the hint that they changed.
    """
    try:
        gathered = await gather_rollout(shell, application)
        await remember(shell, application, depended_on(gathered.snapshot.application))
        await put_back(shell, gathered)
        proposal = await shell.propose(gathered.snapshot)
    except NotRegisteredError:
        return None
    except (GatherError, PlannerError) as error:
        await show(shell, application, problem_view(application, _problems(error), shell.clock()))
        return None
    hearing = Hearing(shell, gathered, proposal, gathered.record)
    if await hearing.obey():
        return shell.clock()
    applied = await apply(shell, gathered, proposal)
    later = await write_home(shell, gathered, proposal)
    await show_plan(shell, gathered, proposal)
    await show(shell, application, rollout_view(gathered, proposal))
    await hearing.tell()
    if applied.changed:
        return shell.clock()
    again = await give_notice(shell, gathered, proposal)
    return min((each for each in (applied.look_again, later, again) if each), default=None)


async def reconcile_review(
    shell: Shell, repo: Repo, number: int, applications: tuple[str, ...]
) -> datetime | None:
    """Show on an open app merge request what merging it would do, and answer who asks there.

    Returns when to look again, if ever. On one that is closed commands are refused.
    """
    request = await shell.forge(repo).merge_request(repo.path, number)
    if request.state != "open":
        await refuse(shell, repo, request, applications)
        return None
    ask = None
    if request.source_repository != repo.path:
        ask = await find_ask(shell, repo, request)
    later: list[datetime | None] = []
    for application in applications:
        home = Home(repo, application, ask.comment, ask.head) if ask else Home(repo, application)
        if request.source_repository == repo.path or (ask and ask.head == request.head):
            later.append(await _review(shell, request, home))
        else:
            await write_unasked(shell, request, home, ask.by if ask else "")
    return min((each for each in later if each), default=None)


async def _review(shell: Shell, request: ForgeMergeRequest, home: Home) -> datetime | None:
    try:
        gathered = await gather_review(shell, home.application, request)
        proposal = await shell.propose(gathered.snapshot)
    except (GatherError, PlannerError) as error:
        await write_problems(shell, request, home, _problems(error))
        return None
    later = await write_home(shell, gathered, proposal, home)
    await Hearing(shell, gathered, proposal, gathered.record, preview=True).tell()
    return later


def _problems(error: GatherError | PlannerError) -> list[str]:
    """What people must put right, one entry each."""
    if isinstance(error, DocumentsError):
        return [str(each) for each in error.problems]
    return [str(error)]
