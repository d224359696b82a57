"""A store filled with views as passes leave them, and the service's web side over it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from bot.azure import Azure
from bot.charts.store import ChartStore
from bot.context import Context
from bot.engine import discovery
from bot.forges import Markers
from bot.git import Mirrors
from bot.report.model import (
    FLEETS,
    PLANS,
    ClusterView,
    DiffGroupView,
    DiffView,
    FleetView,
    GateView,
    MergeRequestView,
    OpenPlanView,
    PlanView,
    PlanWaveView,
    ProposedPlanView,
    RolloutView,
    UnitState,
    UnitView,
    WaveView,
)
from bot.settings import Settings
from bot.store import Store
from bot.web.auth import Auth
from bot.web.server import create_app
from bot.worker.publish import show
from planners.gating.evaluate import WaveState
from planners.model import Repo
from planners.model.snapshot import Snapshot

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SHA = "5ca1ab1e" * 5


class Site:
    """The pages of a service that reaches nothing but its store."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.now = NOON
        known = {"fleet": "local:fleet/fleet", "marker_key": "m" * 16, "report_key": "r" * 16}
        chosen = Settings(**{**known, **settings})
        self.context = Context(
            forges={},
            mirrors=Mirrors(folder / "mirrors"),
            store=Store.open(f"sqlite:///{folder / 'pages.db'}"),
            clock=lambda: self.now,
            listening_since=NOON,
            propose=_never,
            fleet=Repo("local", "fleet/fleet"),
            markers=Markers(b"marker-key-of-the-tests"),
            public_url="http://service.test",
            charts=ChartStore(folder / "charts"),
            azure=Azure(chosen, lambda: self.now),
        )
        auth = Auth(chosen, {}, self.context)
        self.app: FastAPI = create_app(auth, discovery.agents(), ("report-key",), lambda: None)

    async def show(self, view: RolloutView) -> None:
        """Keep a rollout's view as a pass does."""
        await show(self.context, view.application, view)

    def keep_plan(self, view: PlanView) -> None:
        """Keep a plan's view as a pass does."""
        self.context.store.views.save(PLANS, view.application, view)

    def describe(self, names: Sequence[str], **labels: str) -> None:
        """Keep the fleet's view as a sweep does."""
        clusters = tuple(ClusterView(name, "flux", labels) for name in names)
        view = FleetView(SHA, clusters, ("storefront",))
        self.context.store.views.save(FLEETS, "", view)


async def _never(snapshot: Snapshot) -> Any:
    raise AssertionError(f"no page plans, but {snapshot.application.name} was to be")


def rollout(
    clusters: Sequence[str],
    components: Sequence[str] = ("web",),
    readiness: Mapping[str, UnitState] | None = None,
    *,
    name: str = "storefront",
    steps: int = 1,
) -> RolloutView:
    """A rollout's view: one wave for each step and component, all components on all clusters."""
    given = readiness or {}
    units = tuple(
        UnitView(
            component=component,
            cluster=cluster,
            readiness=given.get(cluster, "READY"),
            message="",
            revision=SHA,
            at=(NOON - timedelta(seconds=index)).isoformat(),
        )
        for index, cluster in enumerate(clusters)
        for component in components
    )
    waves = tuple(
        wave(f"s{step}.{level + 1}", step, level, component, clusters[step::steps])
        for step in range(steps)
        for level, component in enumerate(components)
    )
    return RolloutView(
        application=name,
        tenant="shop",
        headline="1 of 2 waves merged",
        done=False,
        digest="d" * 64,
        revision="a" * 40,
        app="local:shop/storefront",
        fleet_revision=SHA,
        deploy="local:fleet/deploy",
        waves=waves,
        units=units,
        report_max_ages=dict.fromkeys(clusters, timedelta(minutes=15)),
        at=NOON,
    )


def wave(name: str, step: int, level: int, component: str, clusters: Sequence[str]) -> WaveView:
    """A wave that waits for an approval."""
    gate = GateView(
        kind="AwaitsApproval canary",
        reason="waits for 1 approval: canary=true",
        remedy="when a reviewer approves the merge request",
        since=NOON,
        person=True,
    )
    return WaveView(
        name=name,
        state=WaveState.WAITING,
        step=step,
        level=level,
        failing=0,
        components=(component,),
        clusters=tuple(clusters),
        changes="3 created",
        digest=name,
        merge_request=MergeRequestView(step + 1, f"http://forge.test/{step}"),
        gates=(gate,),
        pending=(),
    )


def plan(text: str, waves: int = 1) -> PlanView:
    """A plan's view: each wave changes one file of its own and one that all share."""
    diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-image: old\n+image: {}\n"
    texts = {"shared": diff.format(text)}
    texts |= {f"own-{index}": diff.format(f"new-{index}") for index in range(waves)}

    def group(index: int) -> DiffGroupView:
        paths = ((f"clusters/*/own-{text}", f"own-{index}"), ("clusters/*/shared", "shared"))
        files = tuple(DiffView(path, name, size=60, added=1, removed=1) for path, name in paths)
        return DiffGroupView((f"edge-{index}",), files)

    found = tuple(
        PlanWaveView(f"s{index}.1", f"s{index}.1", "2 configured", (group(index),))
        for index in range(waves)
    )
    return PlanView("storefront", "d" * 64, SHA, found, texts)


def proposed(digest: str, number: int = 1) -> ProposedPlanView:
    """The page of a plan of an open merge request: two waves on two clusters."""
    summary = OpenPlanView(
        application="storefront",
        tenant="shop",
        digest=digest,
        headline="changes 2 of 2 clusters in 2 waves",
        repo="local:shop/storefront",
        request=MergeRequestView(number, f"http://forge.test/{number}"),
        title="New web",
        author="ada",
        revision="a" * 40,
        at=NOON,
        version=digest,
    )
    waves = rollout(["edge-0", "edge-1"], steps=2).waves
    return ProposedPlanView(summary, waves, replace(plan("x", 2), digest=digest))
