"""Writes the home page of a rollout: one comment on the app merge request, and its status."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot.context import Context
from bot.effects.apply import blobs_of, set_status
from bot.engine.propose import Proposal
from bot.forges import Comment, ForgeMergeRequest, Status, StatusState, TransientForgeError
from bot.gather.snapshot import Gathered
from bot.wording import comment as words
from bot.wording.diffs import diffs_of
from bot.wording.headline import kind_of
from bot.wording.since import Memory, gist_of, read, remember, write
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


@dataclass(frozen=True, slots=True)
class _Text:
    """A comment, with what it remembers, and what stays the same while only its details move."""

    text: str
    memory: Memory | None
    calm: str | None = None


async def write_home(
    context: Context, gathered: Gathered, proposal: Proposal, home: Home | None = None
) -> datetime | None:
    """Bring the home comment up to date; while the revision is not merged, the status too.

    Returns when to do so, where the forge is busy: no text holds up a rollout.
    """
    request = gathered.app_request
    if request is None:
        return None
    try:
        return await _write_home(context, gathered, proposal, (request, home))
    except TransientForgeError as error:
        log.warning("comment waits", error=str(error))
        return context.clock() + timedelta(seconds=error.retry_after)


async def _write_home(
    context: Context,
    gathered: Gathered,
    proposal: Proposal,
    where: tuple[ForgeMergeRequest, Home | None],
) -> datetime | None:
    request, home = where
    home = home or Home(gathered.app.repo, proposal.plan.application)
    if proposal.problems:
        await write_problems(context, request, home, proposal.problems)
        return None
    open_changes = [change for change in proposal.changes if change.files]
    blobs = await asyncio.to_thread(blobs_of, gathered, proposal, open_changes)
    diffs = diffs_of(open_changes, blobs)
    known = await _memory(context, request, home)
    preview = request.state == "open"
    memory = remember(known, gist_of(proposal, diffs), preview=preview)
    about = replace(
        _about(context, request, home, memory),
        revision=gathered.snapshot.revision.sha,
        base=gathered.snapshot.base.revision.sha,
        reproduce=_command(gathered),
        sign=context.forge(gathered.deploy.repo).request_sign,
    )
    text = words.comment(about, proposal, diffs)
    moving = not (preview or proposal.evaluation.done)
    calm = kind_of(proposal, preview=preview) if moving else None
    later = await _write(context, request, home, _Text(text, memory, calm))
    line = words.headline(proposal, preview=True)
    await _set_plan(context, request, home, StatusState.SUCCESS, line)
    return later


async def write_problems(
    context: Context, request: ForgeMergeRequest, home: Home, problems: Sequence[PlanProblem | str]
) -> None:
    """Say why there is no plan, in the comment and, while open, in the status."""
    memory = await _memory(context, request, home)
    about = _about(context, request, home, memory)
    await _write(context, request, home, _Text(words.problems(about, problems), memory))
    await _set_plan(context, request, home, StatusState.FAILURE, str(problems[0]))


async def write_unasked(
    context: Context, request: ForgeMergeRequest, home: Home, asker: str
) -> None:
    """Say that somebody must ask for a plan; again, where `asker` did for an earlier head."""
    memory = await _memory(context, request, home)
    text = words.unasked(_about(context, request, home, memory), asker)
    await _write(context, request, home, _Text(text, memory))
    line = "from a fork: somebody with the role write asks for a plan"
    await _set_plan(context, request, home, StatusState.PENDING, line)


async def _set_plan(
    context: Context, request: ForgeMergeRequest, home: Home, state: StatusState, line: str
) -> None:
    """The status of the plan, while it is open, and where the forge has one for a fork's head."""
    forge = context.forge(home.repo)
    own = request.source_repository == home.repo.path
    if request.state == "open" and (own or forge.statuses_for_forks):
        page = context.page(home.application)
        status = Status(PLAN, state, line[:DESCRIPTION_LENGTH], page)
        await set_status(context, home.repo, request.head, status)


def _about(
    context: Context, request: ForgeMergeRequest, home: Home, memory: Memory | None
) -> words.Home:
    told = {"asked": home.asked, "head": home.head} if home.asked else {}
    payload = {"application": home.application, **told}
    if memory is not None:
        payload["memory"] = write(memory)
    return words.Home(
        marker=context.markers.write(MARKER, home.repo, payload),
        application=home.application,
        revision=request.head,
        preview=request.state == "open",
        page=context.page(home.application),
        reproduce="",
        limit=context.forge(home.repo).comment_limit,
        memory=memory,
    )


def _command(gathered: Gathered) -> str:
    """The command that makes the plan again; a tenant's own set-up has no app repo."""
    application = gathered.snapshot.application
    app = "" if application.is_tenant_setup else " --app APP"
    where = f"{app} --fleet FLEET --deploy DEPLOY"
    return f"switchyard plan --application {application.name}{where}"


def _key(request: ForgeMergeRequest, home: Home) -> tuple[str, ...]:
    return ("home", str(home.repo), str(request.number), home.application)


async def _memory(context: Context, request: ForgeMergeRequest, home: Home) -> Memory | None:
    """What our comment remembers; read from the forge once in the life of a process."""
    key = (*_key(request, home), "memory")
    if key not in context.written:
        found = await _ours(context, request, home)
        context.written[key] = found[1].get("memory", "") if found else ""
    return read(context.written[key])


async def _write(
    context: Context, request: ForgeMergeRequest, home: Home, made: _Text
) -> datetime | None:
    """Edit our comment, or write it where there is none; nothing when it reads so already.

    While it stays `calm`, it is edited three times a minute at most. Returns when it is to be
    written, if that is later.
    """
    key = _key(request, home)
    if context.written.get(key) == made.text:
        return None
    same = made.calm is not None and context.written.get((*key, "line")) == made.calm
    if same and context.clock() < context.calm_until.get(key, context.clock()):
        return context.calm_until[key]
    await _put(context, request, home, made.text)
    context.written[key], context.written[*key, "line"] = made.text, made.calm or ""
    if made.memory is not None:
        context.written[*key, "memory"] = write(made.memory)
    context.calm_until[key] = context.clock() + CALM
    return None


async def _put(context: Context, request: ForgeMergeRequest, home: Home, text: str) -> None:
    forge, repo, number = context.forge(home.repo), home.repo, request.number
    found = await _ours(context, request, home)
    if found is None:
        await forge.add_comment(repo.path, number, text)
    elif found[0].body != text:
        await forge.edit_comment(repo.path, number, found[0].id, text)


async def _ours(
    context: Context, request: ForgeMergeRequest, home: Home
) -> tuple[Comment, dict[str, str]] | None:
    """Our comment for the application, and what its marker says."""
    forge, repo = context.forge(home.repo), home.repo
    me = await forge.me()
    for each in await forge.comments(repo.path, request.number):
        marker = context.markers.read(MARKER, repo, each.body)
        if each.author.id == me.id and marker and marker.get("application") == home.application:
            return each, marker
    return None
