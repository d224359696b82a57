"""The Snapshot: all that is known now about one application, as one value.

Made by `bot/gather`, the only reader of the world; a planner can ask for nothing more. Times are in
UTC, object ids Git's hexadecimal ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from planners.model import (
    Application,
    Cluster,
    Policy,
    Price,
    Readiness,
    Registration,
    Revision,
    Role,
    Tenant,
    Unit,
)
from planners.model.overrides import Cancellation, Overrides


class MergeRequestState(StrEnum):
    """As the forge tells it; a closed one was not merged."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody approved a merge request as it stood at commit `head`.

    `role` is what they may do in the deploy repo, `teams` those of the teams spoken of (by
    policies, tenants and CODEOWNERS) that they are members of.
    """

    user: str
    email: str
    head: str
    role: Role = Role.NONE
    teams: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Branch:
    """The head of a merge request as Git has it.

    `digest` is the wave digest in the commit's trailers. `foreign_author` names who wrote a commit
    on the branch that Switchyard did not; None where the branch is as we left it. `units` are those
    that it writes files of. `rejects` is the app revision that it takes back.
    """

    head: str
    digest: str | None
    fleet_sha: str | None
    foreign_author: str | None = None
    units: frozenset[Unit] = frozenset()
    rejects: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The forge would not merge it, in its words, `times` again; worth a try at `until`."""

    reason: str
    until: datetime
    times: int = 0


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """A merge request of ours (its marker was verified) on the deploy repo, for one wave.

    `described` is the wave digest that title and body speak of; `closed_by` the person (never the
    bot) who closed it without merging. `trials` are commits on which the forge's merge queue tries
    it, and which need the same status as its head. `owners` are the groups of owners that
    CODEOWNERS names for what it changes, each as `login`, `team` or e-mail address. One that is
    `wrong_target` would be merged into another branch than main.
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
    described: str | None = None
    closed_by: str | None = None
    conflicts: bool = False
    refusal: Refusal | None = None
    trials: tuple[str, ...] = ()
    owners: tuple[frozenset[str], ...] = ()
    wrong_target: bool = False


@dataclass(frozen=True, slots=True)
class ForeignBranch:
    """Who else wrote commit `head` of a wave's branch, or opened merge request `number` of it."""

    user: str
    head: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The last commit on the deploy repo's main branch that changed a unit's files.

    `source` is the app revision in its trailers: None when somebody other than Switchyard wrote it.
    `rejects` is the app revision that it took back, for a change that was a rollback.
    """

    sha: str
    at: datetime
    author: str
    source: str | None
    rejects: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What a cluster last said about one unit, and whether it counts for the unit's last change.

    `current` is True when the reported revision contains the unit's last change (ancestry in Git).
    `since` is when this readiness began without a break, `at` when it was last said: by our clock.
    """

    readiness: Readiness
    message: str
    revision: str
    at: datetime
    since: datetime
    current: bool


@dataclass(frozen=True, slots=True)
class DeployBase:
    """The deploy repo's main branch: `entries` holds each unit's files there, path -> blob id.

    `foreign` tells of files that somebody other than Switchyard changed last: path -> author.
    """

    revision: Revision
    entries: Mapping[Unit, Mapping[str, str]] = field(default_factory=dict)
    changes: Mapping[Unit, Change] = field(default_factory=dict)
    foreign: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The application's files on main as they were before the rollout of this revision.

    `contents` maps the blob ids that main no longer has in their places to their bytes.
    """

    revision: Revision
    entries: Mapping[Unit, Mapping[str, str]]
    contents: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class ReportedFacts:
    """What a cluster measured at `at`, in the units of `planners.model.Cluster`.

    `free` counts what is unrequested, after everything that runs. `latency` maps names of user
    places to milliseconds (round trip), `scores` names of people's own to 0..100.
    """

    at: datetime
    free: Mapping[str, int] = field(default_factory=dict)
    price: Price | None = None
    carbon: float | None = None
    latency: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one unit of some application requests on its cluster, in nano-units by resource.

    `usage` is what it uses of quotas, by namespace and ResourceQuota name; it is known for the
    applications of the Snapshot's tenant only, where that has a quota. `merged_at` is when its last
    change was merged; None while it is only proposed, by the merge
    request `number`. `priority` and `tenant` are its application's.
    """

    application: str
    unit: Unit
    requests: Mapping[str, int]
    merged_at: datetime | None
    number: int = 0
    priority: int = 0
    tenant: str = ""
    usage: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another application that this one depends on, as it stands on main."""

    changes: Mapping[Unit, Change] = field(default_factory=dict)
    observations: Mapping[Unit, Observation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is known now about one application at one revision.

    `clusters` is the fleet at `fleet_revision` (pinned while a rollout is under way); `departed`
    names the clusters of it that the newest fleet revision no longer has. `policies` are always the
    newest. `sources` maps a component to its files (path inside the component's folder -> bytes).
    `authors` are those who wrote the revision being rolled out: e-mail addresses, and `@login`
    where the forge tells it. `files` are
    those that customisations name, by their paths in the application's folder. `facts` are the
    newest reported ones by cluster, `claims` those of all applications, this one included.
    `earlier` is read only where a rollback could be due. `branches` maps the names of branches that
    are there for this application, proposed or left over, to their heads; `foreign_branches` tells
    whose those of them are that somebody else made.
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
    departed: frozenset[str] = frozenset()
    sources: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    merge_requests: tuple[MergeRequest, ...] = ()
    observations: Mapping[Unit, Observation] = field(default_factory=dict)
    authors: frozenset[str] = frozenset()
    files: Mapping[str, bytes] = field(default_factory=dict)
    facts: Mapping[str, ReportedFacts] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    neighbours: Mapping[str, Neighbour] = field(default_factory=dict)
    earlier: Earlier | None = None
    branches: Mapping[str, str] = field(default_factory=dict)
    foreign_branches: Mapping[str, ForeignBranch] = field(default_factory=dict)
    overrides: Overrides = field(default_factory=Overrides)

    @property
    def rejected(self) -> bool:
        """Whether this revision was taken back, or is being taken back: Git itself says so."""
        branches = (
            each.branch
            for each in self.merge_requests
            if each.state is MergeRequestState.OPEN and each.branch is not None
        )
        told = {change.rejects for change in self.base.changes.values()}
        return self.revision.sha in told | {each.rejects for each in branches}

    @property
    def cancelled(self) -> Cancellation | None:
        """Who gave this revision's rollout up, if anybody did; none while it is taken back."""
        told = self.overrides.cancelled
        back = self.rejected or self.overrides.reverted == self.revision.sha
        return told if told and told.revision == self.revision.sha and not back else None

    def cluster(self, name: str) -> Cluster | None:
        """The cluster of that name, if the fleet has it."""
        return next((cluster for cluster in self.clusters if cluster.name == name), None)
