"""Writes the home page of a rollout: one comment on the app merge request, and its status."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.apply import blobs_of, set_status
from bot.core import Proposal
from bot.forges import ForgeMergeRequest, Status, StatusState, TransientForgeError
from bot.gather.snapshot import Gathered
from bot.shell import Shell
from bot.wording import comment as words
from bot.wording.diffs import diffs_of
from planners.model import Repo
from planners.plan import PlanProblem

MARKER = "home"
PLAN = "switchyard/plan"
DESCRIPTION_LENGTH = 140
CALM = timedelta(seconds=20)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Home:
    """Which application's comment on a merge request of `repo`.

    On a merge request from a fork `asked` is the comment that asked for a plan, and `head` what it
    was answered for.
    """

    repo: Repo
    application: str
    asked: str = ""
    head: str = ""


async def write_home(
    shell: Shell, gathered: Gathered, proposal: Proposal, home: Home | None = None
) -> datetime | None:
    """Bring the home comment up to date; while the revision is not merged, the status too.

    Returns when to do so, where the forge is busy: no text holds up a rollout.
    """
    request = gathered.home
    if request is None:
        return None
    try:
        return await _write_home(shell, gathered, proposal, (request, home))
    except TransientForgeError as error:
        log.warning("comment waits", error=str(error))
        return shell.clock() + timedelta(seconds=error.retry_after)


async def _write_home(
    shell: Shell,
    gathered: Gathered,
    proposal: Proposal,
    where: tuple[ForgeMergeRequest, Home | None],
) -> datetime | None:
    request, home = where
    home = home or Home(gathered.app.repo, proposal.plan.application)
    if proposal.problems:
        await write_problems(shell, request, home, proposal.problems)
        return None
    about = _about(shell, request, home, gathered.snapshot.revision.sha)
    open_changes = [change for change in proposal.changes if change.files]
    blobs = await asyncio.to_thread(blobs_of, gathered, proposal, open_changes)
    text = words.comment(about, proposal, diffs_of(open_changes, blobs))
    moving = not (about.preview or proposal.decision.done)
    calm = words.headline(proposal, preview=False) if moving else None
    later = await _write(shell, request, home, text, calm=calm)
    line = words.headline(proposal, preview=True)
    await _set_plan(shell, request, home, StatusState.SUCCESS, line)
    return later


async def write_problems(
    shell: Shell, request: ForgeMergeRequest, home: Home, problems: Sequence[PlanProblem | str]
) -> None:
    """Say why there is no plan, in the comment and, while open, in the status."""
    about = _about(shell, request, home, request.head)
    await _write(shell, request, home, words.problems(about, problems))
    await _set_plan(shell, request, home, StatusState.FAILURE, str(problems[0]))


async def write_unasked(shell: Shell, request: ForgeMergeRequest, home: Home, asker: str) -> None:
    """Say that somebody must ask for a plan; again, where `asker` did for an earlier head."""
    text = words.unasked(_about(shell, request, home, request.head), asker)
    await _write(shell, request, home, text)
    line = "from a fork: somebody with the role write asks for a plan"
    await _set_plan(shell, request, home, StatusState.PENDING, line)


async def _set_plan(
    shell: Shell, request: ForgeMergeRequest, home: Home, state: StatusState, line: str
) -> None:
    """The status of the plan, while it is open, and where the forge has one for a fork's head."""
    forge = shell.forge(home.repo)
    own = request.source_repository == home.repo.path
    if request.state == "open" and (own or forge.statuses_for_forks):
        page = shell.page(home.application)
        status = Status(PLAN, state, line[:DESCRIPTION_LENGTH], page)
        await set_status(shell, home.repo, request.head, status)


def _about(shell: Shell, request: ForgeMergeRequest, home: Home, revision: str) -> words.Home:
    told = {"asked": home.asked, "head": home.head} if home.asked else {}
    payload = {"application": home.application, **told}
    return words.Home(
        marker=shell.markers.write(MARKER, home.repo, payload),
        application=home.application,
        revision=revision,
        preview=request.state == "open",
        page=shell.page(home.application),
        reproduce="switchyard plan --app APP --fleet FLEET --deploy DEPLOY",
        limit=shell.forge(home.repo).comment_limit,
    )


async def _write(
    shell: Shell, request: ForgeMergeRequest, home: Home, text: str, *, calm: str | None = None
) -> datetime | None:
    """Edit our comment, or write it where there is none; nothing when it reads so already.

    While its first line stays `calm`, it is edited three times a minute at most. Returns when it is
    to be written, if that is later.
    """
    key = ("home", str(home.repo), str(request.number), home.application)
    same = shell.written.get((*key, "line")) == calm is not None
    if shell.written.get(key) == text:
        return None
    if same and shell.clock() < shell.calm_until.get(key, shell.clock()):
        return shell.calm_until[key]
    await _put(shell, request, home, text)
    shell.written[key], shell.written[*key, "line"] = text, calm or ""
    shell.calm_until[key] = shell.clock() + CALM
    return None


async def _put(shell: Shell, request: ForgeMergeRequest, home: Home, text: str) -> None:
    forge, repo, number = shell.forge(home.repo), home.repo, request.number
    me = await forge.me()
    ours = None
    for each in await forge.comments(repo.path, number):
        marker = shell.markers.read(MARKER, repo, each.body)
        if each.author.id == me.id and marker and marker.get("application") == home.application:
            ours = each
            break
    if ours is None:
        await forge.add_comment(repo.path, number, text)
    elif ours.body != text:
        await forge.edit_comment(repo.path, number, ours.id, text)
