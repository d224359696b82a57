"""Tenants, as the fleet repo writes them."""

from typing import Literal

from pydantic import Field

from bot.documents.models.common import Metadata, Part, Version
from bot.documents.types import Name, QuantityTexts, RepoName, SelectorPart


class LimitsPart(Part):
    """What a container of the tenant gets or may have (Kubernetes: LimitRange)."""

    default: QuantityTexts = Field(default={}, description="Limits of those that state none.")
    default_request: QuantityTexts = Field(
        default={}, description="Requests of those that state none."
    )
    max: QuantityTexts = Field(default={}, description="The most that a container may have.")


class MemberPart(Part):
    """Somebody with a role in the tenant's namespaces."""

    kind: Literal["User", "Group"] = Field(default="User", description="A person or a group.")
    name: str = Field(description="As the clusters' authentication knows them.")
    role: Literal["view", "edit", "admin"] = Field(description="Kubernetes' role of that name.")


class KindsPart(Part):
    """Kinds of objects, `Kind` or `Kind.group`."""

    allowed: list[str] = Field(
        default=[], description="Cluster-scoped kinds that it may write after all."
    )
    forbidden: list[str] = Field(default=[], description="Kinds that it may not write.")


class TenantSpec(Part):
    """What a tenant owns."""

    namespace: Name = Field(description="The namespace that the tenant's objects are written to.")
    namespaces: list[Name] = Field(
        default=[], description="Further namespaces that its objects may name."
    )
    clusters: SelectorPart = Field(
        default_factory=SelectorPart, description="The clusters the tenant may use."
    )
    deploy: RepoName | None = Field(
        default=None,
        description="The deploy repo that its namespaces, quotas, roles and network policies are "
        "rolled out to, as application `tenant-<name>`; without it, they are set up elsewhere.",
    )
    quota: QuantityTexts = Field(
        default={}, description="What each of its namespaces may use (Kubernetes: ResourceQuota)."
    )
    limits: LimitsPart | None = Field(default=None, description="What containers get and may have.")
    kinds: KindsPart = Field(default_factory=KindsPart, description="What it may write.")
    approvers: list[str] = Field(
        default=[], description="Whose approvals count for its merge requests; anybody's if none."
    )
    approver_teams: list[str] = Field(
        default=[], description="Teams whose members' approvals count as well."
    )
    members: list[MemberPart] = Field(default=[], description="Who has which role there.")
    pod_security: Literal["privileged", "baseline", "restricted"] = Field(
        default="baseline", description="The Pod Security Standard that its pods must meet."
    )
    allow_from_namespaces: list[Name] = Field(
        default=[], description="Namespaces (an ingress gateway's) that may reach its pods."
    )


class TenantDocument(Part):
    """Who may place what where (fleet repo, `tenants/`)."""

    api_version: Version
    kind: Literal["Tenant"] = Field(description="Always this.")
    metadata: Metadata = Field(description="Name.")
    spec: TenantSpec = Field(description="What it owns.")
