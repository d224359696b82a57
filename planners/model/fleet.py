"""Everything the fleet repository says: clusters, policies, registrations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import IntEnum, StrEnum

from planners.model.basics import Json, Repo
from planners.model.selectors import Selector
from planners.model.tenant import Tenant


class Effect(StrEnum):
    """What a taint does to a component that does not tolerate it (Kubernetes: taint effects)."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


@dataclass(frozen=True, slots=True)
class Taint:
    """A mark that keeps components away unless they tolerate it."""

    key: str
    value: str
    effect: Effect

    def __str__(self) -> str:
        return (
            f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"
        )


class Maintenance(StrEnum):
    """Whether a cluster takes components: CORDONED takes no new ones, DRAINED keeps none."""

    NONE = "none"
    CORDONED = "cordoned"
    DRAINED = "drained"


@dataclass(frozen=True, slots=True)
class Location:
    """A place on Earth, in degrees (WGS 84)."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Price:
    """What an hour costs, in the one currency of the fleet: a CPU, a GiB of memory."""

    cpu_hour: float
    memory_gib_hour: float = 0.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster of the fleet; `agent` names the plugin that pulls there (`flux`).

    `capacity` is what workloads may request in all, `allocated` what others than Switchyard use of
    it, both in nano-units by Kubernetes resource name. `carbon` is in grams of CO2 equivalent per
    kWh, `kubernetes` a minor version (`1.31`), `timezone` a name of the IANA database. What is None
    or absent is unknown.
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
    carbon: float | None = None
    maintenance: Maintenance = Maintenance.NONE
    timezone: str = "UTC"
    values: Mapping[str, Json] = field(default_factory=dict)


class Role(IntEnum):
    """What a user may do in a repository, in rising order (GitHub's five roles)."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5


class MergeMethod(StrEnum):
    """How merge requests are merged, where the forge leaves the choice."""

    MERGE = "merge"
    SQUASH = "squash"
    REBASE = "rebase"


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """Merge requests that touch a selected cluster need `count` approvals.

    An approval counts from people with at least `role` in the deploy repo. `users` and members of
    `teams`, if any are named, are the only ones whose approvals count. With `code_owners` each
    group of owners that CODEOWNERS names for the touched paths must have one among them.
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
    """From `start` (included) to `end` (excluded) nothing merges for the selected clusters."""

    name: str
    clusters: Selector
    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the week, in each cluster's own time zone, in which alone it may be changed.

    `days` counts from 0 (Monday) to 6. A window whose `end` is not later than its `start` goes on
    into the next day.
    """

    name: str
    clusters: Selector
    days: frozenset[int]
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules of the platform team; several policies add up, the strictest counts.

    `plaintext_secrets` names tenants that may keep plain Secrets in their deploy repo: a test
    fleet.
    """

    name: str
    approvals: tuple[ApprovalRule, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    windows: tuple[Window, ...] = ()
    report_max_age: timedelta | None = None
    facts_max_age: timedelta | None = None
    plaintext_secrets: tuple[str, ...] = ()
    merge_method: MergeMethod | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """Which app repo may bring which application into which deploy repo, for which tenant.

    Where applications compete for the same free resources, the higher `priority` is served first.
    """

    application: str
    tenant: str
    app: Repo
    deploy: Repo
    path: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything the fleet repository says at one revision."""

    clusters: tuple[Cluster, ...] = ()
    tenants: tuple[Tenant, ...] = ()
    registrations: tuple[Registration, ...] = ()
    policies: tuple[Policy, ...] = ()

    def tenant(self, name: str) -> Tenant | None:
        """The tenant of that name, if there is one."""
        return next((tenant for tenant in self.tenants if tenant.name == name), None)

    def registration(self, application: str) -> Registration | None:
        """The registration of that application, if there is one."""
        named = (entry for entry in self.registrations if entry.application == application)
        return next(named, None)
