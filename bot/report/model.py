"""The read model: what the pages, `/api/v1` and the store know of rollouts, plans and the fleet.

This package makes the views, `Views` of the store keeps them as JSON, `bot/web` shows them. They
are a cache: a pass makes them again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from bot.store import keys
from bot.store.views import ViewKind
from planners.gating.evaluate import WaveState
from planners.model import Repo

UnitState: TypeAlias = Literal["STALLED", "UNKNOWN", "PROGRESSING", "READY", "UNMERGED"]
UNIT_STATES: tuple[UnitState, ...] = ("STALLED", "UNKNOWN", "PROGRESSING", "READY", "UNMERGED")
"""Readiness, the worst first; UNMERGED units are not in the deploy repo yet."""

UnitCounts: TypeAlias = Mapping[UnitState, int]
"""How many units are in which state; a state that is missing counts as 0."""


@dataclass(frozen=True, slots=True)
class MergeRequestView:
    """A merge request on a forge."""

    number: int
    url: str


@dataclass(frozen=True, slots=True)
class GateView:
    """A reason to wait, who or what clears it, and when it was first seen for this change.

    `kind` stays the same while the gate is closed, whatever clusters it waits for. `person`: it
    stays closed until a person acts; `who` names the users and teams who can, empty for anybody.
    Of gates that wait for what failed on another wave, that wave alone asks for a person.
    """

    kind: str
    reason: str
    remedy: str
    since: datetime
    person: bool = False
    who: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingUnitView:
    """A unit (`component@cluster`) of a merged wave, and why it does not count as ready."""

    unit: str
    reason: str


@dataclass(frozen=True, slots=True)
class WaveView:
    """The units that merge together; `failing` counts those that a cluster reports as failed.

    `waits_for` says in a few words what one that is not merged waits for.
    """

    name: str
    state: WaveState
    step: int
    level: int
    failing: int
    components: tuple[str, ...]
    clusters: tuple[str, ...]
    changes: str
    digest: str
    merge_request: MergeRequestView | None
    gates: tuple[GateView, ...]
    pending: tuple[PendingUnitView, ...]
    waits_for: str = ""


@dataclass(frozen=True, slots=True)
class UnitView:
    """A component on a cluster.

    `revision` is the commit of the deploy repo in its newest report, `at` the time of that report
    (RFC 3339); both are empty without a report.
    """

    component: str
    cluster: str
    readiness: UnitState
    message: str
    revision: str
    at: str


@dataclass(frozen=True, slots=True)
class RolloutHead:
    """An application's rollout, without its units, of which there may be very many.

    If planning failed, `problems` says why and the rest may be empty. `revision` and `problems` are
    both empty while the default branch has no `switchyard.yaml`. Reports older than
    `report_max_ages` (by cluster) do not count. `rules` has the state of each rule, and why.
    `holds`: clusters failed, and nothing but a person makes it go on; it holds, or has problems,
    since `stopped_since`. `can_roll_back`: a command can restore what ran before. `committed` is
    the time of the revision's commit; the addresses of commits on the forge begin with
    `app_commits` and `deploy_commits`.
    """

    application: str
    headline: str
    done: bool
    at: datetime
    problems: tuple[str, ...] = ()
    tenant: str = ""
    digest: str = ""
    revision: str = ""
    app: str = ""
    fleet_revision: str = ""
    deploy: str = ""
    home: MergeRequestView | None = None
    waves: tuple[WaveView, ...] = ()
    report_max_ages: Mapping[str, timedelta] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    holds: bool = False
    can_roll_back: bool = False
    stopped_since: datetime | None = None
    rolls_back: bool = False
    committed: datetime | None = None
    app_commits: str = ""
    deploy_commits: str = ""


@dataclass(frozen=True, slots=True)
class RolloutView(RolloutHead):
    """An application's rollout, with the state of each unit."""

    units: tuple[UnitView, ...] = ()


@dataclass(frozen=True, slots=True)
class NeedView:
    """What waits for a person, on these waves: why, how it clears, and who can act.

    `due`: nothing else is missing, it is that person's turn. `request` is the merge request to act
    on, of the first wave or of the application. Without `who` anybody can act.
    """

    waves: tuple[str, ...]
    reason: str
    remedy: str
    since: datetime
    due: bool
    who: tuple[str, ...] = ()
    request: MergeRequestView | None = None


@dataclass(frozen=True, slots=True)
class WaveSummaryView:
    """A wave and its state."""

    name: str
    state: WaveState


@dataclass(frozen=True, slots=True)
class SummaryView:
    """A rollout in short, for lists; `problems` counts the reasons why planning failed.

    `needs` are the first things that wait for a person.
    """

    application: str
    tenant: str
    headline: str
    done: bool
    digest: str
    revision: str
    problems: int
    waves: tuple[WaveSummaryView, ...]
    totals: UnitCounts
    at: datetime
    needs: tuple[NeedView, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterUnitsView:
    """The units of an application on one cluster; `revision` and `at` are of the newest report.

    Reports older than `report_max_age` do not count.
    """

    totals: UnitCounts
    revision: str
    at: datetime | None
    report_max_age: timedelta


@dataclass(frozen=True, slots=True)
class ApplicationClustersView:
    """Where an application runs, by cluster."""

    application: str
    clusters: Mapping[str, ClusterUnitsView]


@dataclass(frozen=True, slots=True)
class DiffView:
    """The diff of one file; `text` names it in `PlanView.texts`, empty where it is too large.

    `size` is its length in bytes, `added` and `removed` count lines. A cluster's own folder stands
    as `*` in `path`.
    """

    path: str
    text: str
    size: int
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class DiffGroupView:
    """Clusters on which the same files change in the same way."""

    clusters: tuple[str, ...]
    files: tuple[DiffView, ...]


@dataclass(frozen=True, slots=True)
class PlanWaveView:
    """The diffs of a wave; `digest` is that of its change set."""

    name: str
    digest: str
    changes: str
    groups: tuple[DiffGroupView, ...]


@dataclass(frozen=True, slots=True)
class CallView:
    """Who may call whom, on whatever clusters; `crosses`: also from one cluster to another."""

    caller: str
    callee: str
    crosses: bool


@dataclass(frozen=True, slots=True)
class PlacementView:
    """Components with the same outcome on the same clusters: chosen, or `why` not.

    `clusters` are the first of `count`.
    """

    components: tuple[str, ...]
    chosen: bool
    why: str
    clusters: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan with its diffs; `texts` holds each distinct diff once.

    `connections` says who may call whom, one line each; `calls` are the same without clusters.
    """

    application: str
    digest: str
    revision: str
    waves: tuple[PlanWaveView, ...]
    texts: Mapping[str, str]
    connections: tuple[str, ...] = ()
    calls: tuple[CallView, ...] = ()
    placement: tuple[PlacementView, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenPlanView:
    """The newest plan of an application for an open merge request of its app or fleet repo.

    `version` changes when anything on the plan's page does.
    """

    application: str
    tenant: str
    digest: str
    headline: str
    repo: str
    request: MergeRequestView
    title: str
    author: str
    revision: str
    at: datetime
    version: str


@dataclass(frozen=True, slots=True)
class ProposedPlanView:
    """A plan for a merge request that was open when it was made, with its waves."""

    summary: OpenPlanView
    waves: tuple[WaveView, ...]
    plan: PlanView


@dataclass(frozen=True, slots=True)
class SampleView:
    """The value of a signal at a time; None where there was no data."""

    at: datetime
    value: float | None


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule, or a rule on one cluster: its state and why, its limits, its signal, its steps.

    `above` and `below` are the thresholds of `samples`, which count for `max_age`; `steps` has the
    reason of each step that is taken now.
    """

    rule: str
    cluster: str
    phase: str
    changed: datetime
    why: str
    limits: tuple[str, ...] = ()
    signal: str = ""
    above: float = 0.0
    below: float = 0.0
    max_age: timedelta = timedelta(0)
    samples: tuple[SampleView, ...] = ()
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RulesView:
    """The rules of an application as they were in the last pass; `left_out` counts the rest."""

    at: datetime
    rules: tuple[RuleView, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ClusterView:
    """A cluster as the fleet repo describes it; the rest of it is in `cluster_details`."""

    name: str
    agent: str
    labels: Mapping[str, str] = field(default_factory=dict)
    maintenance: str = "none"
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class FleetView:
    """The content of the fleet repo at a revision; `deploys` are the deploy repos it names."""

    revision: str
    clusters: tuple[ClusterView, ...] = ()
    applications: tuple[str, ...] = ()
    deploys: tuple[Repo, ...] = ()


@dataclass(frozen=True, slots=True)
class ReporterView:
    """The agent of a cluster, the generation of its keys, and the hub that reports for it, if any.

    A hub is a cluster of the fleet repo too.
    """

    agent: str
    generation: int
    hub: str = ""


@dataclass(frozen=True, slots=True)
class ReportersView:
    """Whose reports are accepted: the clusters and the applications of the fleet repo."""

    clusters: dict[str, ReporterView]
    applications: frozenset[str]


@dataclass(frozen=True, slots=True)
class TenantsView:
    """The tenant of each application, and of each repository that only one tenant uses."""

    applications: dict[str, str]
    repositories: dict[str, str]


@dataclass(frozen=True, slots=True)
class PlacesView:
    """Where an application runs or is planned to: the components on each cluster."""

    clusters: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class StatusView:
    """The number and the time of the last status document that counted."""

    sequence: int
    at: datetime


@dataclass(frozen=True, slots=True)
class SetupCheckView:
    """What the last check of a forge's webhooks and rules found."""

    warnings: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class WaitView:
    """Closed gates of a kind: how many, and since when the oldest one is."""

    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class WaveProgressView:
    """A wave that is not done: since when it is known, and when it was first seen merged."""

    since: datetime
    merged: datetime | None


RolloutState: TypeAlias = Literal["idle", "done", "progressing", "failing", "invalid"]


@dataclass(frozen=True, slots=True)
class ProgressView:
    """A rollout for metrics and traces: its state, since when, and what it waits for.

    `since` is the first pass on this revision that was not done; `failing_since` the first report
    of a failure after which there was always one; `failed` tells of any. `waits` is by the name of
    the gate's class; `waves` has those that are not done.
    """

    state: RolloutState
    revision: str
    at: datetime
    since: datetime
    failed: bool = False
    failing_since: datetime | None = None
    waits: Mapping[str, WaitView] = field(default_factory=dict)
    waves: Mapping[str, WaveProgressView] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VersionsView:
    """Hashes that change when the rollout's page or the plan's page changes."""

    rollout: str = ""
    plan: str = ""


ROLLOUTS = ViewKind(keys.ROLLOUT, RolloutView)
ROLLOUT_HEADS = ViewKind(keys.ROLLOUT, RolloutHead)
SUMMARIES = ViewKind(keys.SUMMARY, SummaryView)
APPLICATION_CLUSTERS = ViewKind(keys.CLUSTERS, ApplicationClustersView)
PLANS = ViewKind(keys.PLAN, PlanView)
PROPOSED_PLANS = ViewKind(keys.PROPOSED_PLAN, ProposedPlanView)
OPEN_PLANS = ViewKind(keys.OPEN_PLAN, OpenPlanView)
VERSIONS = ViewKind(keys.VERSIONS, VersionsView)
RULES = ViewKind(keys.RULE_PAGE, RulesView)
FLEETS = ViewKind(keys.FLEET, FleetView, shared=True)
REPORTERS = ViewKind(keys.REPORTERS, ReportersView, shared=True)
TENANTS = ViewKind(keys.TENANTS, TenantsView, shared=True)
PLACES = ViewKind(keys.PLACES, PlacesView, shared=True)
STATUSES = ViewKind(keys.STATUSES, StatusView)
PROGRESS = ViewKind(keys.PROGRESS, ProgressView)
SETUP_CHECKS = ViewKind(keys.SETUP_CHECK, SetupCheckView)
