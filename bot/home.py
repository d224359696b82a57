"""Writes the home page of a rollout: one comment on the app merge request, and its status."""

import asyncio
from collections.abc import Sequence

from bot.apply import blobs_of, set_status
from bot.core import Proposal
from bot.forges import ForgeMergeRequest, Status, StatusState
from bot.gather.snapshot import Gathered
from bot.shell import Shell
from bot.wording import comment as words
from bot.wording.diffs import diffs_of
from planners.model import Repo
from planners.plan import PlanProblem

MARKER = "home"
PLAN = "switchyard/plan"
DESCRIPTION_LENGTH = 140


async def write_home(shell: Shell, gathered: Gathered, proposal: Proposal) -> None:
    """Bring the home comment up to date; while the revision is not merged, the status too."""
    request = gathered.home
    if request is None:
        return
    application, repo = proposal.plan.application, gathered.app.repo
    preview = request.state == "open"
    if proposal.problems:
        await write_problems(shell, repo, request, application, proposal.problems)
        return
    home = _home(shell, repo, request, application, gathered.snapshot.revision.sha)
    open_changes = [change for change in proposal.changes if change.files]
    blobs = await asyncio.to_thread(blobs_of, gathered, proposal, open_changes)
    text = words.comment(home, proposal, diffs_of(open_changes, blobs))
    await _write(shell, repo, request.number, application, text)
    if preview:
        line = words.headline(proposal, preview=True)
        status = Status(PLAN, StatusState.SUCCESS, line, shell.page(application))
        await set_status(shell, repo, request.head, status)


async def write_problems(
    shell: Shell,
    repo: Repo,
    request: ForgeMergeRequest,
    application: str,
    problems: Sequence[PlanProblem | str],
) -> None:
    """Say why there is no plan, in the comment and, while open, in the status."""
    home = _home(shell, repo, request, application, request.head)
    await _write(shell, repo, request.number, application, words.problems(home, problems))
    if request.state == "open":
        line = str(problems[0])[:DESCRIPTION_LENGTH]
        status = Status(PLAN, StatusState.FAILURE, line, shell.page(application))
        await set_status(shell, repo, request.head, status)


def _home(
    shell: Shell, repo: Repo, request: ForgeMergeRequest, application: str, revision: str
) -> words.Home:
    return words.Home(
        marker=shell.markers.write(MARKER, repo, {"application": application}),
        application=application,
        revision=revision,
        preview=request.state == "open",
        page=shell.page(application),
        reproduce="switchyard plan --app APP --fleet FLEET --deploy DEPLOY",
    )


async def _write(shell: Shell, repo: Repo, number: int, application: str, text: str) -> None:
    """Edit our comment, or write it where there is none; nothing when it reads so already."""
    key = ("home", str(repo), str(number), application)
    if shell.written.get(key) == text:
        return
    forge = shell.forge(repo)
    me = await forge.me()
    ours = None
    for each in await forge.comments(repo.path, number):
        marker = shell.markers.read(MARKER, repo, each.body)
        if each.author.id == me.id and marker and marker.get("application") == application:
            ours = each
            break
    if ours is None:
        await forge.add_comment(repo.path, number, text)
    elif ours.body != text:
        await forge.edit_comment(repo.path, number, ours.id, text)
    shell.written[key] = text
