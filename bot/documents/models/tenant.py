"""The model of the fleet repo's tenants."""

from typing import Literal

from pydantic import Field, field_validator

from bot.documents.models.common import Metadata, Part, Version
from bot.documents.types import HostPattern, Name, QuantityTexts, RepoName, SelectorPart


class LimitsPart(Part):
    """Default and maximum resources of the tenant's containers (Kubernetes: LimitRange)."""

    default: QuantityTexts = Field(default={}, description="Limits of containers that state none.")
    default_request: QuantityTexts = Field(
        default={}, description="Requests of containers that state none."
    )
    max: QuantityTexts = Field(default={}, description="Maximum limits of a container.")


class MemberPart(Part):
    """A subject with a role in the tenant's namespaces."""

    kind: Literal["User", "Group"] = Field(default="User", description="A user or a group.")
    name: str = Field(description="Name in the clusters' authentication.")
    role: Literal["view", "edit", "admin"] = Field(description="The Kubernetes role of that name.")


class KindsPart(Part):
    """Permitted and forbidden kinds: `Kind` for those of Kubernetes, else `Kind.group`."""

    allowed: list[str] = Field(
        default=[],
        description="Cluster-scoped, reserved and custom kinds that the tenant may deploy. "
        "`Service.externalIPs`, `Service.externalName`, `Service.loadBalancerIP` and "
        "`Ingress.snippets` permit these fields.",
    )
    forbidden: list[str] = Field(
        default=[],
        description="Kinds that the tenant must not deploy; `Kind` means that of every group.",
    )


class IssuerPart(Part):
    """An issuer of cert-manager that the platform team provides in every cluster of the tenant."""

    name: Name = Field(description="Name of the issuer.")
    kind: str = Field(
        default="ClusterIssuer",
        pattern="^[A-Z][A-Za-z0-9]{0,62}$",
        description="Kind of the issuer; `Issuer` is looked up in `namespace`.",
    )
    group: str = Field(
        default="cert-manager.io",
        pattern=r"^[a-z0-9][a-z0-9.-]{0,252}$",
        description="API group of an external issuer.",
    )


class TrustPart(Part):
    """How the tenant's clusters trust each other: certificates, never keys, are distributed."""

    issuers: list[IssuerPart] = Field(
        min_length=1,
        max_length=3,
        description="Who signs the tenant's certification authority in each cluster. All are "
        "enrolled and trusted; the first whose authorities are trusted everywhere signs.",
    )

    @field_validator("issuers")
    @classmethod
    def _distinct(cls, issuers: list[IssuerPart]) -> list[IssuerPart]:
        names = [each.name for each in issuers]
        if len(set(names)) < len(names):
            raise ValueError("two issuers have the same name")
        return issuers


class TenantSpec(Part):
    """The clusters, namespaces, limits and members of a tenant."""

    namespace: Name = Field(description="Namespace of objects that state none.")
    namespaces: list[Name] = Field(
        default=[], description="Additional namespaces that its objects may use."
    )
    clusters: SelectorPart = Field(
        default_factory=SelectorPart, description="Clusters that the tenant may use. Default: all."
    )
    deploy: RepoName | None = Field(
        default=None,
        description="Deploy repo for its namespaces, quotas, roles and network policies, rolled "
        "out as application `tenant-<name>`. Default: they are managed elsewhere.",
    )
    quota: QuantityTexts = Field(
        default={}, description="Quota of each of its namespaces (Kubernetes: ResourceQuota)."
    )
    limits: LimitsPart | None = Field(
        default=None, description="Default and maximum resources of containers."
    )
    kinds: KindsPart = Field(default_factory=KindsPart, description="Permitted kinds of objects.")
    approvers: list[str] = Field(
        default=[],
        description="Users whose approvals count for its merge requests. Default: all users.",
    )
    approver_teams: list[str] = Field(
        default=[], description="Teams whose members' approvals count too."
    )
    members: list[MemberPart] = Field(
        default=[], description="Subjects with a role in its namespaces."
    )
    pod_security: Literal["privileged", "baseline", "restricted"] = Field(
        default="baseline", description="Pod Security Standard that its pods must meet."
    )
    allow_from_namespaces: list[Name] = Field(
        default=[],
        description="Namespaces that may reach its pods, such as that of an ingress gateway.",
    )
    internal_traffic: Literal["open", "declared"] = Field(
        default="open",
        description="Whether all pods of the tenant may reach each other, or only those that "
        "`connectivity` of its applications declares.",
    )
    trust: TrustPart | None = Field(
        default=None,
        description="Certification authorities of the tenant, rolled out with `deploy`. Default: "
        "none.",
    )
    hosts: list[HostPattern] = Field(
        default=[],
        description="Hosts that its Ingresses, routes, gateways, mesh objects and certificates may "
        "use: `shop.example.com`, `*.shop.example.com` (all names below it) or `*`. Default: only "
        "cluster-local names of its namespaces.",
    )


class TenantDocument(Part):
    """A tenant (fleet repo, `tenants/`)."""

    api_version: Version
    kind: Literal["Tenant"] = Field(description="The kind of document.")
    metadata: Metadata = Field(description="Name of the tenant.")
    spec: TenantSpec = Field(description="Clusters, namespaces, limits and members.")
