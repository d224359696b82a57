"""Tenants (EMCO: logical clouds): who may place what where, and what is set up for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from planners.model.basics import Repo
from planners.model.selectors import Selector


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with a role in the tenant's namespaces: `view`, `edit` or `admin` of Kubernetes.

    `kind` is `User` or `Group`, `name` as the clusters' authentication knows it.
    """

    kind: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class ContainerLimits:
    """What a container gets or may have (Kubernetes: LimitRange), quantities as written."""

    default: Mapping[str, str] = field(default_factory=dict)
    default_request: Mapping[str, str] = field(default_factory=dict)
    max: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant. Objects without a namespace go to `namespace`; `namespaces` are further ones.

    With `deploy` the tenant's own objects (Namespace, ResourceQuota, Roles, ...) are rolled out to
    that repository; without, the platform team sets them up otherwise. `quota` is what each of its
    namespaces may use (Kubernetes: ResourceQuota `hard`, quantities as written). `allowed_kinds`
    are cluster-scoped kinds that it may write after all, `forbidden_kinds` kinds that it may not.
    `approvers` and members of `approver_teams`, if any, are the only people whose approvals count
    for its merge requests.
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

    @property
    def all_namespaces(self) -> tuple[str, ...]:
        """Every namespace it owns, the main one first."""
        return (self.namespace, *self.namespaces)
