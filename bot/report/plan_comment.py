"""The plan comment: one comment on the app merge request, edited in place, and the plan's status.

The functions return what is to be written; nothing where the forge has it already.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.context import Context
from bot.effects.apply import blobs_of
from bot.effects.model import Effect, Pace, SetStatus
from bot.engine.propose import Proposal
from bot.engine.results import ByContent, Results
from bot.forges import Comment, ForgeMergeRequest, Status, StatusState
from bot.gather.snapshot import Gathered
from bot.report.own_comment import OwnComment, OwnCommentPlace
from bot.wording import comment as words
from bot.wording.diffs import Diffs, diffs_of
from bot.wording.headline import kind_of, plan_line
from bot.wording.regions import regions_of
from bot.wording.since import Memory, decode, encode, remember, summarize
from planners.model import PlanProblem, Repo

MARKER = "home"
PLAN = "switchyard/plan"
DESCRIPTION_LENGTH = 140
EVERY = timedelta(seconds=20)
OBJECTS, CLUSTER = 8, 1_000
"""Diffs keep the objects that their text is of, and a change of each cluster; in bytes."""


@dataclass(frozen=True, slots=True)
class PlanCommentTarget:
    """The merge request of `repo` that an application's plan comment belongs on, as it is now.

    On a merge request from a fork `asked` is the comment that asked for a plan, and `head` the
    commit that it was made for. `statuses` are those of the merge request's head.
    """

    repo: Repo
    application: str
    request: ForgeMergeRequest
    comments: tuple[Comment, ...]
    statuses: tuple[Status, ...] = field(default=())
    asked: str = ""
    head: str = ""


async def plan_comment(
    context: Context, gathered: Gathered, proposal: Proposal, *, asked: str = "", head: str = ""
) -> tuple[Effect, ...]:
    """The comment of a plan and, while its revision is not merged, its status."""
    request = gathered.app_request
    if request is None:
        return ()
    statuses = gathered.statuses.get(request.head, ())
    repo, application = gathered.app.repo, proposal.plan.application
    target = PlanCommentTarget(
        repo, application, request, gathered.comments, statuses, asked=asked, head=head
    )
    if proposal.problems:
        return await problem_comment(context, target, proposal.problems)
    diffs = await asyncio.to_thread(_open_diffs, context.results, gathered, proposal)
    ours = await _place(target).find(context, target.comments)
    preview = request.state == "open"
    memory = remember(_memory(ours), summarize(proposal, diffs), preview=preview)
    about = replace(
        _about(context, target, memory),
        revision=gathered.snapshot.revision.sha,
        base=gathered.snapshot.base.revision.sha,
        plan_page=_plan_page(context, repo, proposal),
        reproduce=_command(gathered),
        sign=context.forge(gathered.deploy.repo).number_prefix,
        regions=regions_of(gathered.snapshot.clusters),
    )
    text = await asyncio.to_thread(words.comment, about, proposal, diffs)
    pace = None
    if not (preview or proposal.evaluation.done):
        key = ("plan comment", str(repo), str(request.number), application)
        pace = Pace(key, kind_of(proposal, preview=preview), EVERY)
    line = str(plan_line(proposal))
    page = context.plan_page(application, proposal.digest)
    status = _status(context, target, StatusState.SUCCESS, line, page)
    return (*_write(target, ours, text, pace), *status)


def _open_diffs(results: Results, gathered: Gathered, proposal: Proposal) -> Diffs:
    """The diffs of what is not merged yet; the same in each pass until something merges."""
    changes = tuple(change for change in proposal.changes if change.files)
    key = "diffs", gathered.deploy.repo, ByContent(proposal.plan.application, changes)
    return results.get(key, lambda: diffs_of(changes, blobs_of(gathered, proposal, changes)), _size)


def _size(diffs: Diffs) -> int:
    texts = sum(len(text) for group in diffs.groups for text in group.files.values())
    return OBJECTS * texts + CLUSTER * diffs.clusters


async def problem_comment(
    context: Context,
    target: PlanCommentTarget,
    problems: Sequence[PlanProblem | str],
    *,
    passing: bool = False,
) -> tuple[Effect, ...]:
    """The comment that says why there is no plan and, while it is open, the status.

    A `passing` problem needs nobody: the status waits.
    """
    ours = await _place(target).find(context, target.comments)
    text = words.problems(_about(context, target, _memory(ours)), problems)
    state = StatusState.PENDING if passing else StatusState.FAILURE
    status = _status(context, target, state, str(problems[0]))
    return (*_write(target, ours, text), *status)


async def fork_comment(
    context: Context, target: PlanCommentTarget, asker: str
) -> tuple[Effect, ...]:
    """The comment that says who must ask for a plan; again, where `asker` did for another head."""
    ours = await _place(target).find(context, target.comments)
    text = words.plan_not_requested(_about(context, target, _memory(ours)), asker)
    line = "from a fork: someone with role write must request a plan of this commit"
    status = _status(context, target, StatusState.PENDING, line)
    return (*_write(target, ours, text), *status)


def _status(
    context: Context, target: PlanCommentTarget, state: StatusState, line: str, page: str = ""
) -> tuple[Effect, ...]:
    """The status of the plan, while it is open, and where the forge has one for a fork's head.

    Without a plan its details are the application's page.
    """
    request, forge = target.request, context.forge(target.repo)
    own = request.source_repository == target.repo.path
    if request.state != "open" or not (own or forge.statuses_for_forks):
        return ()
    status = Status(
        PLAN, state, line[:DESCRIPTION_LENGTH], page or context.page(target.application)
    )
    if status in target.statuses:
        return ()
    return (SetStatus(target.repo, request.head, status),)


def _about(
    context: Context, target: PlanCommentTarget, memory: Memory | None
) -> words.CommentContext:
    payload = {"application": target.application}
    if target.asked:
        payload |= {"asked": target.asked, "head": target.head}
    if memory is not None:
        payload["memory"] = encode(memory)
    return words.CommentContext(
        marker=context.markers.write(MARKER, target.repo, payload),
        application=target.application,
        revision=target.request.head,
        preview=target.request.state == "open",
        page=context.page(target.application) if context.is_public(target.repo) else "",
        reproduce="",
        limit=context.forge(target.repo).comment_limit,
        memory=memory,
    )


def _plan_page(context: Context, repo: Repo, proposal: Proposal) -> str:
    """The page of this plan; empty where people cannot open it."""
    if not context.is_public(repo):
        return ""
    return context.plan_page(proposal.plan.application, proposal.digest)


def _command(gathered: Gathered) -> str:
    """The command that makes the plan again; a tenant's own set-up has no app repo."""
    application = gathered.snapshot.application
    app = "" if application.is_tenant_setup else " --app APP"
    where = f"{app} --fleet FLEET --deploy DEPLOY"
    return f"switchyard plan --application {application.name}{where}"


def _memory(ours: OwnComment | None) -> Memory | None:
    """What the comment remembers of the plans it showed."""
    return decode(ours.payload.get("memory", "")) if ours is not None else None


def _place(target: PlanCommentTarget) -> OwnCommentPlace:
    repo, number, application = target.repo, target.request.number, target.application
    return OwnCommentPlace(
        repo, number, MARKER, lambda payload: payload.get("application") == application
    )


def _write(
    target: PlanCommentTarget, ours: OwnComment | None, text: str, pace: Pace | None = None
) -> tuple[Effect, ...]:
    return _place(target).write(ours, text, words.superseded(target.application), pace)
