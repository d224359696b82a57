"""The nouns: fleet, tenants, applications and their intents, as plain frozen values.

Nothing here imports anything of ours but the label selectors. Mappings in these values are never
changed after they are made; every tuple of named things is sorted by name unless its order means
something (customisations, stages), so that equal inputs compare, and digest, equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from planners.selectors import Selector

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Readiness(StrEnum):
    """How a component stands on a cluster, in the words of kstatus (sigs.k8s.io/cli-utils)."""

    READY = "READY"
    PROGRESSING = "PROGRESSING"
    STALLED = "STALLED"
    UNKNOWN = "UNKNOWN"


class When(StrEnum):
    """What a dependency must have reached."""

    APPLIED = "Applied"
    READY = "Ready"


class On(StrEnum):
    """On which clusters a dependency must have reached it."""

    SAME_CLUSTER = "sameCluster"
    ALL_CLUSTERS = "allClusters"
    QUORUM = "quorum"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, both numbers counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Repo:
    """A repository on a forge, written `forge:group/name` (`local:shop/boutique`)."""

    forge: str
    path: str

    def __str__(self) -> str:
        return f"{self.forge}:{self.path}"


@dataclass(frozen=True, slots=True)
class Revision:
    """One commit of one repository; `sha` is the full hexadecimal id."""

    repo: Repo
    sha: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster of the fleet; `agent` names the plugin that pulls there (`flux`)."""

    name: str
    agent: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who may place what where (EMCO: logical cloud)."""

    name: str
    namespace: str
    clusters: Selector = field(default_factory=Selector)


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """Merge requests that touch a selected cluster need `count` approvals."""

    clusters: Selector
    count: int
    author_may_approve: bool = False


@dataclass(frozen=True, slots=True)
class Freeze:
    """From `start` (included) to `end` (excluded) nothing merges for the selected clusters."""

    name: str
    clusters: Selector
    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules of the platform team; several policies add up, the strictest counts."""

    name: str
    approvals: tuple[ApprovalRule, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    report_max_age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """Which app repo may bring which application into which deploy repo, for which tenant."""

    application: str
    tenant: str
    app: Repo
    deploy: Repo
    path: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a component's manifests are: `kind` names a file of renderers/sources."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Dependency:
    """`component` must be `when` on `on` before the component that declares this may merge."""

    component: str
    when: When = When.READY
    on: On = On.SAME_CLUSTER
    quorum: int | None = None
    soak: timedelta = timedelta()
    timeout: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Component:
    """A part of an application that is placed, rendered and reported on as one."""

    name: str
    source: Source
    depends_on: tuple[Dependency, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """EMCO's anyOf: of the selected clusters the best `count`."""

    select: Selector
    count: int


@dataclass(frozen=True, slots=True)
class PlacementIntent:
    """EMCO's grammar: every cluster that matches one of `all_of`, and the best of `any_of`."""

    components: tuple[str, ...]
    all_of: tuple[Selector, ...] = ()
    any_of: AnyOf | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Which object of a component a customisation changes."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class CustomizationIntent:
    """A change to one object on some clusters; `kind` names a file of renderers/customizers.

    `clusters` selects (None: all), `excluded` takes away again. `body` is the patch as written.
    """

    name: str
    components: tuple[str, ...]
    target: Target
    kind: str
    body: Json
    clusters: Selector | None = None
    excluded: Selector | None = None
    place: Place = field(default=Place("switchyard.yaml", 1, 1), compare=False)

    def applies_to(self, component: str, cluster: Cluster) -> bool:
        """Whether this customisation is for that component on that cluster."""
        return (
            component in self.components
            and (self.clusters is None or self.clusters.matches(cluster.labels))
            and not (self.excluded is not None and self.excluded.matches(cluster.labels))
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a rollout: its clusters must all be ready before the next step begins.

    `max_at_once` splits its clusters into batches: a count, or a share of them in percent.
    """

    name: str
    clusters: Selector | None = None
    soak: timedelta = timedelta()
    max_at_once: int | None = None
    max_at_once_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """What a team wants to run (composite application), with its intents."""

    name: str
    tenant: str
    components: tuple[Component, ...]
    placements: tuple[PlacementIntent, ...] = ()
    customizations: tuple[CustomizationIntent, ...] = ()
    stages: tuple[Stage, ...] = ()

    def component(self, name: str) -> Component | None:
        """The component of that name, if there is one."""
        return next((part for part in self.components if part.name == name), None)


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


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """One component on one cluster: what is placed, rendered, merged and reported on."""

    component: str
    cluster: str

    def __str__(self) -> str:
        return f"{self.component}@{self.cluster}"
