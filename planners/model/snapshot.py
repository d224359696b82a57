"""The Snapshot: everything known about one application at one time, as one value.

Built by `bot.gather`; planners have no other input. Times are in UTC, object ids are Git's, in
hexadecimal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from planners.model import (
    DEFAULT_REPORT_AGE,
    Application,
    Cluster,
    Json,
    ObjectIdentity,
    Policy,
    Price,
    Readiness,
    Registration,
    Revision,
    Role,
    Tenant,
    UnattributedCommit,
    Unit,
)
from planners.model.addresses import ServiceAddresses
from planners.model.connectivity import ConnectivityIntent
from planners.model.fleet_files import FleetFiles
from planners.model.gate_rules import GateAnswer, MergedWave
from planners.model.overrides import Cancellation, Overrides
from planners.model.rules import Decision, Records, RuleKey, States
from planners.model.signals import Signals
from planners.model.trust import Authority

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of what was always so, or of what nobody knows when it happened."""


class MergeRequestState(StrEnum):
    """The state on the forge; CLOSED means closed without merging."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Approval:
    """A user's approval of a merge request at commit `head`.

    `account` is the user's account on the deploy repo's forge (see `account_id`); `user` is its
    login now.
    `role` is the user's role in the deploy repo. `teams` are the user's teams, restricted to those
    that policies, tenants and CODEOWNERS mention.
    """

    account: str
    user: str
    email: str
    head: str
    role: Role = Role.NONE
    teams: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Branch:
    """The head of a merge request's branch, as read from Git.

    `base` is the commit that it is built on. `digest` is the wave digest in the commit's trailers.
    `foreign_author` is the author of a commit
    on the branch that Switchyard did not create; None if there is no such commit. `units` are the
    units whose files it writes. `rolls_back` is the app revision that it rolls back, if any.
    `rules` are those whose decisions it carries out, `records` what it writes down of them,
    `rule_steps` how many steps of each are in force with it.
    """

    head: str
    digest: str | None
    fleet_sha: str | None
    foreign_author: str | None = None
    units: frozenset[Unit] = frozenset()
    rolls_back: str | None = None
    base: str = ""
    rules: frozenset[RuleKey] = frozenset()
    records: Records = field(default_factory=dict)
    rule_steps: Mapping[RuleKey, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MergeRefusal:
    """The forge's reason for refusing a merge, the retries so far, and when to retry."""

    reason: str
    until: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """A merge request on the deploy repo for one wave, with Switchyard's verified marker.

    `described_digest` is the wave digest shown in title and body. `closed_by` is the person (never
    the bot) who closed it without merging. `merge_queue_commits` are the commits on which the
    forge's merge queue tests it; they need the same status as the head. `owners` are the groups of
    owners that CODEOWNERS lists for its changes, each as `login`, `team` or e-mail address;
    `unknown_owners` says why they are not known. `behind`: the forge merges it only after its
    branch contains the default branch's head.
    `wrong_target`: it targets a branch other than the default branch.
    """

    number: int
    wave: str
    branch_name: str
    state: MergeRequestState
    url: str
    head: str
    branch: Branch | None = None
    labels: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()
    described_digest: str | None = None
    closed_by: str | None = None
    conflicts: bool = False
    refusal: MergeRefusal | None = None
    merge_queue_commits: tuple[str, ...] = ()
    owners: tuple[frozenset[str], ...] = ()
    unknown_owners: str = ""
    wrong_target: bool = False
    behind: bool = False


@dataclass(frozen=True, slots=True)
class ForeignBranch:
    """A wave's branch whose `head` commit, or merge request `number`, was created by `user`."""

    user: str
    head: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The last commit on the deploy repo's default branch that changed a unit's files.

    `source` is the app revision in its trailers; None if Switchyard did not create the commit.
    `rolls_back` is the app revision that the commit rolled back, if any. `updates`: its wave
    changed units that were there before.
    """

    sha: str
    at: datetime
    author: str
    source: str | None
    rolls_back: str | None = None
    updates: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """A cluster's last report about one unit, and whether it covers the unit's last change.

    `current`: the reported revision contains the unit's last change (ancestry in Git). `since` is
    when the first report of the uninterrupted period in this readiness arrived, `at` the time from
    which the age of the last report counts, both by the service's clock. `delay` is how long before
    its arrival that report was made, by the cluster's clock; zero where that is tolerated.
    """

    readiness: Readiness
    message: str
    revision: str
    at: datetime
    since: datetime
    current: bool
    delay: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class ClusterFailure:
    """What a cluster's agent says is wrong with the cluster as a whole, and when that was heard."""

    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DeployBase:
    """The deploy repo's default branch; `entries` are the files of each unit.

    `foreign_files` maps files that Switchyard was not the last to change to their last author.
    `kept_folders` names clusters with a file that keeps the folder of their agent. `records` say
    which units are there because of rules.
    """

    revision: Revision
    entries: FleetFiles = field(default_factory=FleetFiles)
    changes: Mapping[Unit, Change] = field(default_factory=dict)
    foreign_files: Mapping[str, str] = field(default_factory=dict)
    kept_folders: frozenset[str] = frozenset()
    records: Records = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreviousDeployment:
    """The application's files on the default branch before the rollout of this revision.

    `contents` maps each blob id that the default branch no longer has at its path to its bytes.
    """

    revision: Revision
    entries: FleetFiles
    contents: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class ReportedFacts:
    """Facts that a cluster measured at `at`, in the units of `planners.model.Cluster`.

    `free` are resources that no running workload requests. `latency` maps names of user locations
    to milliseconds (round trip), `scores` names of custom scores to 0..100. `authorities` are the
    certificates of its tenants' authorities there, by tenant and issuer. `demand` is by component
    or place, `load` the utilisation of components (1.0 is full); only signals are made of these.
    `addresses` are those of Services of type LoadBalancer, by namespace and Service.
    """

    at: datetime
    free: Mapping[str, int] = field(default_factory=dict)
    price: Price | None = None
    carbon: float | None = None
    latency: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    authorities: Mapping[str, Mapping[str, Authority]] = field(default_factory=dict)
    demand: Mapping[str, float] = field(default_factory=dict)
    load: Mapping[str, float] = field(default_factory=dict)
    addresses: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResourceClaim:
    """The resources that a component requests on each of these clusters, in nano-units.

    `usage` is its quota usage by namespace and ResourceQuota name, known only for applications of
    the Snapshot's tenant, and only if that has a quota. `merged_at` is when its last change was
    merged; None while merge request `number` proposes it. `priority` and `tenant` are those of its
    application.
    """

    application: str
    component: str
    clusters: tuple[str, ...]
    requests: Mapping[str, int]
    merged_at: datetime | None
    number: int = 0
    priority: int = 0
    tenant: str = ""
    usage: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnedObjects:
    """The objects of a component of any application, on clusters where they are equal.

    `objects` maps each to its file, which is the same on all `clusters` below the unit's folder.
    They are merged, or else merge request `number` writes them.
    """

    application: str
    tenant: str
    component: str
    objects: Mapping[ObjectIdentity, str]
    clusters: frozenset[str]
    number: int = 0


@dataclass(frozen=True, slots=True)
class UpstreamApplication:
    """Another application that this one depends on, as merged on its default branch."""

    changes: Mapping[Unit, Change] = field(default_factory=dict)
    observations: Mapping[Unit, Observation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PeerApplication:
    """Another application that connectivity intents name: what it declares, and what it runs.

    `connectivity` is what its default branch declares; None if it cannot be read. `objects` are
    the merged objects of the components that are named, by unit; objects that state no namespace
    are in `namespace`.
    """

    tenant: str
    namespace: str
    connectivity: tuple[ConnectivityIntent, ...] | None = None
    objects: Mapping[Unit, tuple[Mapping[str, Json], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything known at `now` about one application at one revision.

    - `clusters`: the fleet at `fleet_revision`, pinned during a rollout; `departed_clusters` are
      those of them that the newest fleet revision no longer has. `policies` are the newest.
    - `sources`: each component's files, path inside the component's folder -> bytes. `files`: the
      files that customisations refer to, by path in the application's folder.
    - `authors`: the accounts (see `account_id`) with a hand in any commit or merge request between
      what is deployed and the revision; `unattributed`: the commits among them for which accounts
      are missing.
    - `facts`: the newest report of each cluster. `last_reports`: when each cluster last reported
      anything, known only where the rollout does not wait for offline clusters.
    - `claims` and `owned`: those of all applications, this one included, merged or proposed.
    - `cluster_failures`: what clusters say is wrong with them as a whole. `listening_since`: since
      when this service receives reports; what came before may be lost.
    - `peers`: the applications that its connectivity intents name.
    - `addresses`: those of the Services that they may call, as reported last, or else as merged.
    - `merged_replicas`: where the application has an autoscaler, those of more than one that merged
      objects state.
    - `tenant_applications`: in the set-up of a tenant, the registrations of its applications.
    - `signals`: what rules watch. `rule_states` are those of the last pass, or since `decide` those
      of now; `decisions` is what follows from them.
    - `previous`: set only where a rollback could become due.
    - `merged_waves`: those of the present revision, where gates are declared after waves.
      `gate_answers`: what declared gates answered, by id.
    - `branches`: the application's existing branches on the deploy repo and their heads;
      `foreign_branches`: those of them that somebody else created. `refused_branches`: why the
      forge refused the last push of a branch.
    """

    now: datetime
    application: Application
    registration: Registration
    tenant: Tenant
    clusters: tuple[Cluster, ...]
    revision: Revision
    fleet_revision: Revision
    base: DeployBase
    policies: tuple[Policy, ...] = ()
    departed_clusters: frozenset[str] = frozenset()
    sources: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    merge_requests: tuple[MergeRequest, ...] = ()
    observations: Mapping[Unit, Observation] = field(default_factory=dict)
    authors: frozenset[str] = frozenset()
    unattributed: tuple[UnattributedCommit, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    facts: Mapping[str, ReportedFacts] = field(default_factory=dict)
    last_reports: Mapping[str, datetime] = field(default_factory=dict)
    claims: tuple[ResourceClaim, ...] = ()
    owned: tuple[OwnedObjects, ...] = ()
    upstream_applications: Mapping[str, UpstreamApplication] = field(default_factory=dict)
    previous: PreviousDeployment | None = None
    branches: Mapping[str, str] = field(default_factory=dict)
    foreign_branches: Mapping[str, ForeignBranch] = field(default_factory=dict)
    refused_branches: Mapping[str, str] = field(default_factory=dict)
    overrides: Overrides = field(default_factory=Overrides)
    tenant_applications: tuple[Registration, ...] = ()
    cluster_failures: Mapping[str, ClusterFailure] = field(default_factory=dict)
    listening_since: datetime = LONG_AGO
    peers: Mapping[str, PeerApplication] = field(default_factory=dict)
    addresses: ServiceAddresses = field(default_factory=dict)
    merged_replicas: Mapping[Unit, Mapping[ObjectIdentity, int]] = field(default_factory=dict)
    signals: Signals = field(default_factory=dict)
    rule_states: States = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    merged_waves: tuple[MergedWave, ...] = ()
    gate_answers: Mapping[str, GateAnswer] = field(default_factory=dict)
    _report_ages: dict[str, timedelta] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def max_report_age(self, cluster: str) -> timedelta:
        """How old a report of a cluster may be: as policies say, else as its agent reports."""
        if not self._report_ages:
            rules = [rule for policy in self.policies for rule in policy.report_ages]
            for each in self.clusters:
                stated = [rule.max_age for rule in rules if rule.clusters.matches(each)]
                self._report_ages[each.name] = min(stated, default=each.max_report_age)
        return self._report_ages.get(cluster, DEFAULT_REPORT_AGE)

    def cluster_failure(self, cluster: str) -> str:
        """What is wrong with a cluster as a whole, by a report that is not too old; else empty."""
        found = self.cluster_failures.get(cluster)
        stale = found is None or self.now >= found.at + self.max_report_age(cluster)
        return "" if found is None or stale else found.message

    @property
    def rolled_back(self) -> bool:
        """Whether Git records a rollback of this revision, merged or proposed."""
        branches = (
            each.branch
            for each in self.merge_requests
            if each.state is MergeRequestState.OPEN and each.branch is not None
        )
        merged = {change.rolls_back for change in self.base.changes.values()}
        return self.revision.sha in merged | {each.rolls_back for each in branches}

    @property
    def can_roll_back(self) -> bool:
        """Whether some of this revision is merged, over something that can be restored."""
        changes, revision = self.base.changes.values(), self.revision.sha
        merged = any(each.source == revision for each in changes)
        before = any(each.source != revision or each.updates for each in changes)
        return merged and before and not self.rolled_back

    @property
    def cancelled(self) -> Cancellation | None:
        """The cancellation of this revision's rollout; None during a rollback."""
        cancelled = self.overrides.cancelled
        if cancelled is None or cancelled.revision != self.revision.sha:
            return None
        rolling_back = self.rolled_back or self.overrides.reverts(self.revision.sha)
        return None if rolling_back else cancelled

    @property
    def open_branches(self) -> tuple[Branch, ...]:
        """The branches of open merge requests."""
        opened = (e for e in self.merge_requests if e.state is MergeRequestState.OPEN)
        return tuple(each.branch for each in opened if each.branch is not None)

    def is_ready(self, unit: Unit) -> bool:
        """Whether a unit is ready as merged, by a report that is not too old."""
        seen = self.observations.get(unit)
        if seen is None or not seen.current or seen.readiness is not Readiness.READY:
            return False
        return self.now < seen.at + self.max_report_age(unit.cluster)

    def cluster(self, name: str) -> Cluster | None:
        """The cluster of that name, or None."""
        return next((cluster for cluster in self.clusters if cluster.name == name), None)
