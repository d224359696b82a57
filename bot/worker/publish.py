"""Publishes an application's views and wakes the applications that depend on it.

Dependants are kept among the views: losing them costs no more than a wait for the sweep.
"""

import asyncio
from dataclasses import replace

from bot.context import Context
from bot.effects.wake import wake
from bot.engine.propose import Proposal, uncollected
from bot.metrics.catalogue import COMPLETED, LEAD, RESTORE
from bot.report.history import HISTORY, HistoryView, with_pass
from bot.report.model import (
    APPLICATION_CLUSTERS,
    PLACES,
    PROGRESS,
    ROLLOUTS,
    SUMMARIES,
    VERSIONS,
    ProgressView,
    RolloutView,
    VersionsView,
)
from bot.report.progress import progress
from bot.report.rollout_view import carry_over
from bot.report.spans import ended_spans, rollout_id
from bot.report.summary_view import application_clusters, page_version, places_view, summarize
from bot.store.keys import DEPENDANTS, application_key
from bot.store.views import Entry
from bot.tracing import note_rollout
from planners.gating.evaluate import WaveState


async def remember(context: Context, application: str, needs: tuple[str, ...]) -> None:
    """Keep that an application waits for others."""
    views, keys = context.store.views, [f"{DEPENDANTS}{name}/{application}" for name in needs]
    known = await asyncio.to_thread(views.get_each, keys)
    await asyncio.to_thread(views.put_all, {key: {} for key in keys if key not in known})


async def expect_reports(context: Context, application: str, proposal: Proposal) -> None:
    """Say whose reports count for the next pass, before anything merges.

    Those are the units of waves that merge now, or that are merged and not ready. All others may
    repeat that they are READY without waking anybody.
    """
    await asyncio.to_thread(_expect, context, application, proposal)


@uncollected()
def _expect(context: Context, application: str, proposal: Proposal) -> None:
    units = {
        unit
        for status in proposal.evaluation.wave_statuses
        if status.state in {WaveState.MERGING, WaveState.SETTLING}
        for unit in status.change.wave.units
    }
    context.store.reports.expect(application, units)


async def show(context: Context, application: str, view: RolloutView) -> None:
    """Save an application's views; wake who waits for it when its waves or units have changed."""
    if await asyncio.to_thread(_publish, context, application, view):
        views = context.store.views
        waiting = await asyncio.to_thread(views.list, f"{DEPENDANTS}{application}/")
        await wake(context, [application_key(name.rpartition("/")[2]) for name, _ in waiting])


@uncollected()
def _publish(context: Context, application: str, view: RolloutView) -> bool:
    """Save the views, with one commit; whether waves or units have changed."""
    views = context.store.views
    stored = views.load_together((ROLLOUTS, VERSIONS, PROGRESS, HISTORY), application)
    before, progressed = stored.of(ROLLOUTS), stored.of(PROGRESS)
    view = carry_over(view, before)
    after = progress(view, progressed)
    known = stored.of(HISTORY) or HistoryView()
    history = with_pass(known, view, after)
    entries = [
        *_entries(application, view, stored.of(VERSIONS) or VersionsView()),
        PROGRESS.entry(application, after),
    ]
    if history != known:
        entries.append(HISTORY.entry(application, history))
    views.save_together(entries)
    _note_progress(context, view, progressed, after)
    return (view.waves, view.units) != ((before.waves, before.units) if before else ((), ()))


def _note_progress(
    context: Context, view: RolloutView, before: ProgressView | None, after: ProgressView
) -> None:
    """Count when a rollout is done, or ready again after a failure; record its spans."""
    moved = before is None or (before.state, before.waves) != (after.state, after.waves)
    note_rollout(rollout_id(view.application, after), changed=moved)
    if before is None:
        return
    for span in ended_spans(view, before, after):
        context.traces.record(span)
    if before.failing_since is not None and after.failing_since is None:
        restored = (after.at - before.failing_since).total_seconds()
        context.metrics.observe(RESTORE, max(0.0, restored))
    if after.state == "done" and before.state not in {"done", "idle"}:
        context.metrics.count(COMPLETED, failed="yes" if after.failed else "no")
        context.metrics.observe(LEAD, max(0.0, (after.at - after.since).total_seconds()))


def _entries(application: str, view: RolloutView, versions: VersionsView) -> list[Entry]:
    """A view with all that is made of it.

    Places stay as they were while there is no plan: the clusters go on running what was merged.
    """
    entries = [
        ROLLOUTS.entry(application, view),
        SUMMARIES.entry(application, summarize(view)),
        APPLICATION_CLUSTERS.entry(application, application_clusters(view)),
        VERSIONS.entry(application, replace(versions, rollout=page_version(view))),
    ]
    if view.revision and not view.problems:
        entries.append(PLACES.entry(application, places_view(view)))
    return entries
