"""The view of a plan with its diffs: each text once, bounded; texts that do not fit are left out.

A wave that is merged has nothing to change any more. Its diffs are kept from the view before, as
long as the plan is the same; so are those of a change that is the same.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bot.context import Context
from bot.effects.apply import blobs_of
from bot.engine.propose import Proposal, uncollected
from bot.gather.snapshot import Gathered
from bot.report.cluster_details import CLAIMS, claims_view
from bot.report.model import (
    PLANS,
    VERSIONS,
    CallView,
    DiffGroupView,
    DiffView,
    PlacementView,
    PlanView,
    PlanWaveView,
    VersionsView,
)
from bot.report.summary_view import VERSION_LENGTH
from bot.wording.connections import all_connections, calls
from bot.wording.diffs import Blobs, DiffReader, Diffs, counts, diffs_of
from bot.wording.placement import outcomes
from planners.gating.change_sets import ChangeSet
from planners.plan import Plan, digest_of

MAX_TEXT_BYTES = 2_000_000
MAX_DIFF_BYTES = 200_000
MAX_CONNECTIONS = 1_000
MAX_OUTCOMES, MAX_PLACES, MAX_REASON = 100, 100, 500


@dataclass(slots=True)
class Texts:
    """Diffs by their digest, while there is space; `left` counts bytes."""

    left: int = MAX_TEXT_BYTES
    kept: dict[str, str] = field(default_factory=dict)

    def keep(self, text: str) -> str:
        """The name under which a text is kept; empty where it does not fit."""
        name, size = digest_of(text)[:VERSION_LENGTH], len(text.encode())
        if name in self.kept:
            return name
        if size > min(MAX_DIFF_BYTES, self.left):
            return ""
        self.left -= size
        self.kept[name] = text
        return name


async def show_plan(context: Context, gathered: Gathered, proposal: Proposal) -> None:
    """Save the plan's view, and what it claims, when it or what is merged of it has changed."""
    views, application = context.store.views, proposal.plan.application
    if proposal.problems:
        return
    digests = (change.digest for change in proposal.changes if change.files)
    version = digest_of([proposal.digest, *digests])[:VERSION_LENGTH]
    versions = await asyncio.to_thread(views.load, VERSIONS, application) or VersionsView()
    if versions.plan == version:
        return
    before = await asyncio.to_thread(views.load, PLANS, application)
    blobs = await asyncio.to_thread(blobs_of, gathered, proposal, new_changes(proposal, before))
    view = await asyncio.to_thread(plan_view, proposal, blobs, before)
    entries = [
        PLANS.entry(application, view),
        CLAIMS.entry(application, claims_view(application, gathered.snapshot.claims)),
        VERSIONS.entry(application, replace(versions, plan=version)),
    ]
    await asyncio.to_thread(views.save_together, entries)


def new_changes(proposal: Proposal, before: PlanView | None) -> list[ChangeSet]:
    """The changes whose diffs the previous view does not hold."""
    known = {wave.digest for wave in before.waves} if before else set()
    return [each for each in proposal.changes if each.files and each.digest not in known]


@uncollected()
def plan_view(proposal: Proposal, blobs: Blobs, before: PlanView | None) -> PlanView:
    """The view of a plan; `before` is the previous view, `blobs` has the bytes of what is new."""
    same = before is not None and before.digest == proposal.digest
    old = {wave.name: wave for wave in before.waves} if before else {}
    old_texts = before.texts if before else {}
    new = {change.wave.name for change in new_changes(proposal, before)}
    texts, reader = Texts(), DiffReader(blobs)
    waves: list[PlanWaveView] = []
    for change in proposal.changes:
        name = change.wave.name
        if name in new:
            waves.append(_wave(change, diffs_of([change], blobs, reader), texts))
        elif name in old and (change.files or same):
            waves.append(_same_wave(old[name], old_texts, texts))
    return PlanView(
        application=proposal.plan.application,
        digest=proposal.digest,
        revision=proposal.plan.revision.sha,
        waves=tuple(waves),
        texts=texts.kept,
        placement=before.placement if same and before else placement_views(proposal.plan),
        connections=all_connections(proposal.links)[:MAX_CONNECTIONS],
        calls=tuple(CallView(*names, crosses) for names, crosses in calls(proposal.links).items())[
            :MAX_CONNECTIONS
        ],
    )


def placement_views(plan: Plan) -> tuple[PlacementView, ...]:
    """Where components run and why not elsewhere; the first outcomes and clusters of many."""
    return tuple(
        PlacementView(
            each.components,
            each.chosen,
            str(each.why)[:MAX_REASON],
            each.clusters[:MAX_PLACES],
            len(each.clusters),
        )
        for each in outcomes(plan.trace)[:MAX_OUTCOMES]
    )


def _wave(change: ChangeSet, diffs: Diffs, texts: Texts) -> PlanWaveView:
    groups = tuple(
        DiffGroupView(
            clusters=group.clusters,
            files=tuple(_diff(path, text, texts) for path, text in sorted(group.files.items())),
        )
        for group in diffs.groups
    )
    return PlanWaveView(change.wave.name, change.digest, counts(change), groups)


def _diff(path: str, text: str, texts: Texts) -> DiffView:
    lines = text.split("\n")[2:]
    return DiffView(
        path=path,
        text=texts.keep(text),
        size=len(text.encode()),
        added=sum(line.startswith("+") for line in lines),
        removed=sum(line.startswith("-") for line in lines),
    )


def _same_wave(wave: PlanWaveView, known: Mapping[str, str], texts: Texts) -> PlanWaveView:
    """A wave as the previous view had it."""

    def keep(diff: DiffView) -> DiffView:
        return replace(diff, text=texts.keep(known[diff.text]) if diff.text else "")

    groups = tuple(
        replace(group, files=tuple(keep(diff) for diff in group.files)) for group in wave.groups
    )
    return replace(wave, groups=groups)
