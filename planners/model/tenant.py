"""Tenants (EMCO: logical clouds): their permissions, quotas and members."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from planners.model.basics import Repo
from planners.model.selectors import Selector
from planners.model.trust import Issuer


@dataclass(frozen=True, slots=True)
class Member:
    """A subject with the Kubernetes role `view`, `edit` or `admin` in the tenant's namespaces.

    `kind` is `User` or `Group`, `name` the name in the clusters' authentication.
    """

    kind: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class ContainerLimits:
    """Default and maximum resources of a container (Kubernetes: LimitRange), as written."""

    default: Mapping[str, str] = field(default_factory=dict)
    default_request: Mapping[str, str] = field(default_factory=dict)
    max: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant. Objects without a namespace go to `namespace`; `namespaces` are additional ones.

    - `deploy`: the repository to which its Namespace, ResourceQuota, Roles, ... are rolled out;
      None: they are managed elsewhere.
    - `quota`: the limit of each of its namespaces (Kubernetes: ResourceQuota `hard`), as written.
    - `allowed_kinds`: kinds that it may deploy beyond those that every tenant may (`Kind` for kinds
      of Kubernetes, else `Kind.group`), and dangerous fields (`Service.externalIPs`);
      `forbidden_kinds`: kinds that it may not.
    - `hosts`: patterns (`shop.example.com`, `*.shop.example.com`) of the names that its routes,
      gateways and certificates may take.
    - `declared_traffic_only`: its pods reach each other only as connectivity intents declare.
    - `issuers`: who signs its certification authorities, of which all are trusted and the first is
      used.
    - `approvers`, `approver_teams`: if any are given, only approvals from these users and team
      members count for its merge requests.
    """

    name: str
    namespace: str
    clusters: Selector = field(default_factory=Selector)
    namespaces: tuple[str, ...] = ()
    deploy: Repo | None = None
    quota: Mapping[str, str] = field(default_factory=dict)
    limits: ContainerLimits | None = None
    allowed_kinds: tuple[str, ...] = ()
    forbidden_kinds: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    approver_teams: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()
    pod_security: str = "baseline"
    allow_from_namespaces: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    declared_traffic_only: bool = False
    issuers: tuple[Issuer, ...] = ()

    @property
    def all_namespaces(self) -> tuple[str, ...]:
        """All its namespaces, the default one first."""
        return (self.namespace, *self.namespaces)
