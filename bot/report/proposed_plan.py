"""The view of a plan whose revision is not merged: what the details of `switchyard/plan` show.

A page has the plan's digest in its address and stays as it was made, also after the merge request
has a newer plan. The newest ones of an application are kept.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from bot.context import Context
from bot.effects.apply import blobs_of
from bot.engine.propose import Proposal
from bot.forges import ForgeMergeRequest
from bot.gather.snapshot import Gathered
from bot.report.model import (
    OPEN_PLANS,
    PROPOSED_PLANS,
    MergeRequestView,
    OpenPlanView,
    ProposedPlanView,
    WaveView,
)
from bot.report.plan_view import new_changes, plan_view
from bot.report.rollout_view import wave_views
from bot.report.summary_view import VERSION_LENGTH
from bot.store import keys
from bot.store.views import Views
from bot.wording.comment import headline
from planners.model import Repo
from planners.model.gates import NotProposed
from planners.plan import digest_of

MOST_KEPT = 20
NOT_PROPOSED = NotProposed.__name__
MOST_ATTEMPTS = 5


async def show_proposed_plan(context: Context, gathered: Gathered, proposal: Proposal) -> None:
    """Save the page of a plan for an open merge request, when anything on it has changed."""
    request = gathered.app_request
    if request is None or proposal.problems:
        return
    views, name = context.store.views, _name(proposal.plan.application, gathered, request)
    now = gathered.snapshot.now.replace(microsecond=0)
    waves = tuple(map(_before_merge, wave_views(proposal.evaluation, now)))
    summary = _summary(gathered, proposal, request, waves)
    before = await asyncio.to_thread(views.load, OPEN_PLANS, name)
    if before is not None and before.version == summary.version:
        return
    blobs = await asyncio.to_thread(blobs_of, gathered, proposal, new_changes(proposal, None))
    plan = await asyncio.to_thread(plan_view, proposal, blobs, None)
    page = ProposedPlanView(summary, waves, plan)
    await asyncio.to_thread(save_proposed_plan, views, name, page)


def _before_merge(wave: WaveView) -> WaveView:
    """A wave without what is missing only because nothing is proposed yet."""
    return replace(wave, gates=tuple(each for each in wave.gates if each.kind != NOT_PROPOSED))


def _name(application: str, gathered: Gathered, request: ForgeMergeRequest) -> str:
    return f"{application}/{gathered.app.repo}!{request.number}"


def _summary(
    gathered: Gathered,
    proposal: Proposal,
    request: ForgeMergeRequest,
    waves: Iterable[WaveView],
) -> OpenPlanView:
    """The plan in short; its version does not change with time."""
    snapshot = gathered.snapshot
    found = OpenPlanView(
        application=proposal.plan.application,
        tenant=snapshot.application.tenant,
        digest=proposal.digest,
        headline=str(headline(proposal, preview=True)),
        repo=str(gathered.app.repo),
        request=MergeRequestView(request.number, request.url),
        title=request.title,
        author=request.author.login,
        revision=snapshot.revision.sha,
        at=snapshot.now.replace(microsecond=0),
        version="",
    )
    said = [[gate.reason, gate.remedy] for wave in waves for gate in wave.gates]
    told = [found.digest, found.headline, found.title, found.revision, *map(str, said)]
    return replace(found, version=digest_of(told)[:VERSION_LENGTH])


def save_proposed_plan(views: Views, name: str, page: ProposedPlanView) -> None:
    """The page comes before what leads to it."""
    summary = page.summary
    views.save(PROPOSED_PLANS, f"{summary.application}/{summary.digest}", page)
    _forget_oldest(views, summary.application, summary.digest)
    views.save(OPEN_PLANS, name, summary)


def _forget_oldest(views: Views, application: str, digest: str) -> None:
    """Note that this page is the newest one, and delete those that are too many.

    Passes of several merge requests may do this at once.
    """
    key = f"{keys.KEPT_PLANS}{application}"
    for _ in range(MOST_ATTEMPTS):
        known = views.get(key)
        others = [each for each in (known or {}).get("digests", []) if each != digest]
        if views.swap(key, known, {"digests": [digest, *others[: MOST_KEPT - 1]]}):
            gone = others[MOST_KEPT - 1 :]
            views.drop([f"{keys.PROPOSED_PLAN}{application}/{each}" for each in gone])
            return


async def forget_open_plans(
    context: Context, repo: Repo, request: ForgeMergeRequest, applications: Iterable[str]
) -> None:
    """A merge request is merged or closed: its plans are proposed no more. The pages stay."""
    names = [f"{keys.OPEN_PLAN}{each}/{repo}!{request.number}" for each in applications]
    await asyncio.to_thread(context.store.views.drop, names)
