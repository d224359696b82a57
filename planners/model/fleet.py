"""The content of the fleet repository: clusters, policies and registrations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import IntEnum, StrEnum

from planners.model.basics import Json, Repo
from planners.model.gate_rules import GateRule, GateServer
from planners.model.network import Network
from planners.model.rules import AutomaticRule, FailoverRule, Query
from planners.model.selectors import Selector
from planners.model.tenant import Tenant

EDGE = "edge"
"""The key or the value of a label of clusters at the edge."""


class TaintEffect(StrEnum):
    """A taint's effect on components that do not tolerate it (Kubernetes: taint effects)."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


@dataclass(frozen=True, slots=True)
class Taint:
    """Repels components that do not tolerate it (Kubernetes: core/v1 Taint)."""

    key: str
    value: str
    effect: TaintEffect

    def __str__(self) -> str:
        return (
            f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"
        )


class Maintenance(StrEnum):
    """CORDONED clusters accept no new components; DRAINED ones also lose those they run."""

    NONE = "none"
    CORDONED = "cordoned"
    DRAINED = "drained"


@dataclass(frozen=True, slots=True)
class Location:
    """Geographical coordinates in degrees (WGS 84)."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Price:
    """Hourly prices of one CPU and of one GiB of memory, in the fleet's currency."""

    cpu_hour: float
    memory_gib_hour: float = 0.0


DEFAULT_REPORT_AGE = timedelta(minutes=25)
"""Twice the interval of Flux (10 minutes) and its timeout (5): one lost report is not silence."""


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """A cluster's settings of its agent; each plugin declares its own as a subclass.

    Clusters with equal settings share the text of the agent's objects. A field with `compare=False`
    must not occur in any of them.
    """

    @property
    def speaker(self) -> str:
        """The cluster that reports for this one, such as a hub; empty if it reports itself."""
        return ""

    @property
    def max_report_age(self) -> timedelta:
        """How old a report may be: what one lost report does not exceed."""
        return DEFAULT_REPORT_AGE


DEFAULT_NETWORK = Network()
"""A cluster with NetworkPolicies and nothing else."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster of the fleet; `agent` names the plugin of its GitOps agent (`flux`).

    `agent_settings` are of the type that the plugin declares; None stands for its defaults.

    `capacity` is the total that workloads may request, `allocated` the part of it used by workloads
    that Switchyard does not manage; both in nano-units by Kubernetes resource name. `nodes` is
    how many nodes run the pods of DaemonSets. `carbon` is in
    grams of CO2 equivalent per kWh, `kubernetes` a minor version (`1.31`), `timezone` a name of the
    IANA database, `api_versions` what it serves of custom kinds (`group/version/Kind`). Reports
    must be signed with the key of `report_key_generation`. None or an absent key means unknown.
    """

    name: str
    agent: str
    labels: Mapping[str, str] = field(default_factory=dict)
    kubernetes: str | None = None
    taints: tuple[Taint, ...] = ()
    capabilities: frozenset[str] = frozenset()
    capacity: Mapping[str, int] = field(default_factory=dict)
    allocated: Mapping[str, int] = field(default_factory=dict)
    location: Location | None = None
    price: Price | None = None
    nodes: int | None = None
    carbon: float | None = None
    maintenance: Maintenance = Maintenance.NONE
    timezone: str = "UTC"
    values: Mapping[str, Json] = field(default_factory=dict)
    report_key_generation: int = 1
    api_versions: tuple[str, ...] = ()
    agent_settings: AgentSettings | None = None
    network: Network = DEFAULT_NETWORK

    @property
    def known_nodes(self) -> int:
        """How many pods of a DaemonSet count: at least one runs."""
        return self.nodes or 1

    @property
    def speaker(self) -> str:
        """The cluster whose key signs the reports about this one."""
        hub = self.agent_settings.speaker if self.agent_settings is not None else ""
        return hub or self.name

    @property
    def max_report_age(self) -> timedelta:
        """How old a report may be where no policy says otherwise."""
        settings = self.agent_settings
        return DEFAULT_REPORT_AGE if settings is None else settings.max_report_age


class Role(IntEnum):
    """A user's role in a repository, in ascending order (GitHub's five roles)."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5


class MergeMethod(StrEnum):
    """How merge requests are merged, where the forge permits several methods."""

    MERGE = "merge"
    SQUASH = "squash"
    REBASE = "rebase"


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """Merge requests that touch a selected cluster need `count` approvals.

    Approvals count from users with at least `role` in the deploy repo. If `users` or `teams` are
    given, only approvals from these users and team members count. With `code_owners`, each group of
    owners that CODEOWNERS lists for the changed paths must also have approved.
    """

    clusters: Selector
    count: int
    author_may_approve: bool = False
    users: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    role: Role = Role.WRITE
    code_owners: bool = False


@dataclass(frozen=True, slots=True)
class Freeze:
    """Nothing merges for the selected clusters from `start` (inclusive) to `end` (exclusive)."""

    name: str
    clusters: Selector
    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Window:
    """A weekly maintenance window, in each cluster's own time zone; changes merge only inside it.

    `days` are weekdays from 0 (Monday) to 6. A window whose `end` is not later than its `start`
    ends on the following day.
    """

    name: str
    clusters: Selector
    days: frozenset[int]
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class ReportAge:
    """How old a report of the selected clusters may be; of several that match the lowest counts."""

    clusters: Selector
    max_age: timedelta


@dataclass(frozen=True, slots=True)
class SignedObject:
    """An object of an application that may have the rights that it has, in exactly this form."""

    application: str
    kind: str
    name: str
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChartOrigin:
    """An address at and below which tenants may take charts (`tenants` empty: every tenant).

    `token_hosts` are other hosts that issue the registry's tokens, and receive its credentials;
    `download_hosts` are patterns of hosts to which it may redirect downloads, without credentials.
    With `private_network` all these may have addresses in private networks.
    """

    address: str
    tenants: tuple[str, ...] = ()
    token_hosts: tuple[str, ...] = ()
    download_hosts: tuple[str, ...] = ()
    private_network: bool = False

    def covers(self, address: str, tenant: str) -> bool:
        """Whether a tenant may take a chart from there."""
        below = address == self.address or address.startswith(f"{self.address}/")
        return below and (not self.tenants or tenant in self.tenants)


@dataclass(frozen=True, slots=True)
class NotifiedChannel:
    """A channel that tells people about rollouts: of which, and of which events.

    Without `tenants` or `applications` of all. `kind` names its file in `bot/notify`.
    """

    name: str
    kind: str
    events: frozenset[str]
    to: tuple[str, ...] = ()
    sender: str = ""
    tenants: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()
    private_network: bool = False

    def tells(self, event: str, application: str, tenant: str) -> bool:
        """Whether it tells of an event of an application."""
        return (
            event in self.events
            and (not self.tenants or tenant in self.tenants)
            and (not self.applications or application in self.applications)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules of the platform team; several policies combine, and the strictest value applies.

    `plaintext_secrets` names tenants whose deploy repo may contain unencrypted Secrets, intended
    for test fleets. `signed_objects` may exceed what tenants may write. `direct_clusters` selects
    the clusters to whose API servers Switchyard may write itself, `watched_clusters` those where it
    may read the objects of the agent. `automatic` names rules that need no person. Rules may
    watch `queries`. `gates` hold every application; gates may ask `gate_servers`. `notify` are the
    channels that tell people.
    """

    name: str
    approvals: tuple[ApprovalRule, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    windows: tuple[Window, ...] = ()
    report_ages: tuple[ReportAge, ...] = ()
    facts_max_age: timedelta | None = None
    plaintext_secrets: tuple[str, ...] = ()
    merge_method: MergeMethod | None = None
    signed_objects: tuple[SignedObject, ...] = ()
    charts: tuple[ChartOrigin, ...] = ()
    direct_clusters: Selector | None = None
    watched_clusters: Selector | None = None
    failover: tuple[FailoverRule, ...] = ()
    automatic: tuple[AutomaticRule, ...] = ()
    queries: tuple[Query, ...] = ()
    gates: tuple[GateRule, ...] = ()
    gate_servers: tuple[GateServer, ...] = ()
    notify: tuple[NotifiedChannel, ...] = ()


@dataclass(frozen=True, slots=True)
class Registration:
    """Permits an app repo to deploy an application of a tenant to a deploy repo.

    Where applications compete for free resources, the higher `priority` takes precedence.
    """

    application: str
    tenant: str
    app: Repo
    deploy: Repo
    path: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Fleet:
    """The content of the fleet repository at one revision."""

    clusters: tuple[Cluster, ...] = ()
    tenants: tuple[Tenant, ...] = ()
    registrations: tuple[Registration, ...] = ()
    policies: tuple[Policy, ...] = ()

    def tenant(self, name: str) -> Tenant | None:
        """The tenant of that name, or None."""
        return next((tenant for tenant in self.tenants if tenant.name == name), None)

    def refusal_of_direct_access(self, cluster: Cluster) -> str:
        """Why Switchyard may not write to a cluster's API server itself; empty if it may.

        Whoever holds the credentials of many clusters can be robbed of them: a policy has to allow
        it, and clusters labelled as edge pull in any case.
        """
        if any(EDGE in label for label in cluster.labels.items()):
            return f"it is labelled {EDGE}, and no credentials for such clusters are kept centrally"
        allowed = (each.direct_clusters for each in self.policies)
        if not any(selector is not None and selector.matches(cluster) for selector in allowed):
            return "no policy allows it"
        return ""

    def may_be_watched(self, cluster: Cluster) -> bool:
        """Whether Switchyard may read the objects of the agent from a cluster's API server."""
        allowed = (each.watched_clusters for each in self.policies)
        return any(selector is not None and selector.matches(cluster) for selector in allowed)

    def registration(self, application: str) -> Registration | None:
        """The registration of that application, or None."""
        named = (entry for entry in self.registrations if entry.application == application)
        return next(named, None)

    def query(self, name: str, tenant: str) -> Query | None:
        """The query of a name, if a policy lets the rules of a tenant watch it."""
        return query(self.policies, name, tenant)

    def gate_server(self, address: str, tenant: str) -> GateServer | None:
        """The server at an address, if a policy lets the gates of a tenant ask it."""
        return gate_server(self.policies, address, tenant)

    def chart_origin(self, address: str, tenant: str) -> ChartOrigin | None:
        """The closest origin from which a tenant may take the chart at an address, or None."""
        every = (each for policy in self.policies for each in policy.charts)
        found = [each for each in every if each.covers(address, tenant)]
        return max(found, key=lambda each: len(each.address), default=None)


def query(policies: Iterable[Policy], name: str, tenant: str) -> Query | None:
    """The query of a name, if one of the policies lets the rules of a tenant watch it."""
    every = (each for policy in policies for each in policy.queries)
    return next((each for each in every if each.serves(name, tenant)), None)


def policy_gates(policies: Iterable[Policy], tenant: str) -> tuple[GateRule, ...]:
    """The gates of policies that hold waves of a tenant; whom else they hold makes no difference.

    So adding a tenant to a gate changes no digest of others.
    """
    every = (each for policy in policies for each in policy.gates)
    held = (each for each in every if not each.tenants or tenant in each.tenants)
    return tuple(replace(each, tenants=()) for each in held)


def gate_server(policies: Iterable[Policy], address: str, tenant: str) -> GateServer | None:
    """The server at an address, if one of the policies lets the gates of a tenant ask it."""
    every = (each for policy in policies for each in policy.gate_servers)
    return next((each for each in every if each.serves(address, tenant)), None)
