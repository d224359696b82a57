"""The page of a plan, of a merge request or of a rollout: state, needs, waves, placement, diffs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import HTTPException, status

from bot.report.model import (
    MergeRequestView,
    NeedView,
    PlacementView,
    PlanView,
    RolloutHead,
    WaveView,
)
from bot.report.needs import gate_needs, needs_of
from bot.web.ui.badges import Badge, rollout_badge
from bot.web.ui.calls import CallGraph, call_graph
from bot.web.ui.paging import Page, paged
from bot.web.ui.plan_diffs import DiffFilter, DiffPage, clusters_of, diff_page
from bot.web.ui.reading import ViewReader

WAVES = 30
CONNECTIONS = 100
SHOWN_DIGITS = 12
NOT_MERGED = Badge("wait", "not merged yet")
OUTDATED = Badge("idle", "replaced")
OUT_OF_DATE = "its waves are not known any more"


@dataclass(frozen=True, slots=True)
class PlanState:
    """What the page says of a plan besides its diffs.

    `newest` is the digest of the plan that replaced it, if that is known. `is_proposed`: its
    revision is not merged. `title`, `author` and `repo` are those of its merge request.
    """

    badge: Badge
    headline: str
    at: datetime
    waves: Sequence[WaveView]
    needs: Sequence[NeedView]
    is_proposed: bool
    request: MergeRequestView | None = None
    title: str = ""
    author: str = ""
    repo: str = ""
    newest: str = ""


@dataclass(frozen=True, slots=True)
class PlanQuery:
    """What to show of a plan: diffs, and the pages of diffs and of waves."""

    diffs: DiffFilter
    page: int
    waves: int


@dataclass(frozen=True, slots=True)
class PlanPage:
    """What the template shows; `more_connections` counts those that are left out.

    `waves` are those that change something, `unchanged` the names of the others.
    """

    application: str
    path: str
    state: PlanState
    plan: PlanView
    filter: DiffFilter
    clusters: Sequence[str]
    waves: Page[WaveView]
    unchanged: Sequence[str]
    placement: Sequence[PlacementView]
    diffs: DiffPage
    connections: Sequence[str]
    more_connections: int
    calls: CallGraph | None


def plan_path(application: str, digest: str) -> str:
    """The path of a plan's page."""
    return f"/plans/{application}/{digest}"


def find_plan(reader: ViewReader, application: str, digest: str) -> tuple[PlanState, PlanView]:
    """A plan and its state: that of the rollout, or one of a merge request.

    Raises:
        HTTPException: 404, it is not known, or not kept any more.
    """
    rollout, current = reader.find_rollout(application), reader.plan(application)
    if current is not None and current.digest == digest and rollout is not None:
        return rollout_state(reader, rollout, current), current
    found = reader.proposed_plan(application, digest)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, _gone(reader, application, digest))
    summary = found.summary
    open_plans = [each for each in reader.open_plans() if each.application == application]
    is_open = any(each.digest == digest for each in open_plans)
    newer = [each.digest for each in open_plans if each.request == summary.request]
    state = PlanState(
        badge=NOT_MERGED if is_open else OUTDATED,
        headline=summary.headline,
        at=summary.at,
        waves=found.waves,
        needs=tuple(gate_needs(found.waves)),
        is_proposed=is_open,
        request=summary.request,
        title=summary.title,
        author=summary.author,
        repo=summary.repo,
        newest="" if is_open else next(iter(newer), current.digest if current else ""),
    )
    return state, found.plan


def _gone(reader: ViewReader, application: str, digest: str) -> str:
    """Why there is no page, and where to look."""
    if reader.find_rollout(application) is None:
        return reader.unknown(application)
    return (
        f"The plan {digest[:SHOWN_DIGITS]} of {application} is not kept: it is the plan of an "
        f"earlier revision, or the store was made anew. The current plan is at "
        f"/rollouts/{application}/plan; that of an open merge request comes with its next pass."
    )


def rollout_state(reader: ViewReader, view: RolloutHead, plan: PlanView) -> PlanState:
    """The state of the newest plan of the default branch."""
    current = view.digest == plan.digest
    totals = reader.summary(view.application).totals
    return PlanState(
        badge=rollout_badge(view, totals) if current else OUTDATED,
        headline=view.headline if current or view.problems else OUT_OF_DATE,
        at=view.at,
        waves=view.waves if current else (),
        needs=needs_of(view),
        is_proposed=False,
        request=view.home,
        repo=view.app,
    )


def plan_page(path: str, state: PlanState, plan: PlanView, wanted: PlanQuery) -> PlanPage:
    """The page of a plan at this path."""
    changing = {wave.name for wave in plan.waves} | {
        each.name for each in state.waves if each.gates
    }
    return PlanPage(
        application=plan.application,
        path=path,
        state=state,
        plan=plan,
        filter=wanted.diffs,
        clusters=clusters_of(plan),
        waves=paged([each for each in state.waves if each.name in changing], wanted.waves, WAVES),
        unchanged=[each.name for each in state.waves if each.name not in changing],
        placement=plan.placement,
        diffs=diff_page(plan, wanted.diffs, wanted.page),
        connections=plan.connections[:CONNECTIONS],
        more_connections=max(0, len(plan.connections) - CONNECTIONS),
        calls=call_graph(plan.calls),
    )
