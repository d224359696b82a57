"""Clusters, registrations and policies, as the fleet repo writes them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bot.documents.models.common import Metadata, Part, PositiveInt, Version
from bot.documents.types import (
    Day,
    Duration,
    Folder,
    Hour,
    LabelKey,
    Labels,
    LabelValue,
    MinorVersion,
    Moment,
    Name,
    Number,
    Quantities,
    RepoName,
    SelectorPart,
    Timezone,
    wrong,
)


class ClusterMetadata(Metadata):
    """Name and labels of a cluster."""

    labels: Labels = Field(default={}, description="What selectors select by.")


class TaintPart(Part):
    """A mark that keeps components away unless they tolerate it."""

    key: LabelKey = Field(description="The taint's key.")
    value: LabelValue = Field(default="", description="Its value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        description="Whether new components stay away, would rather stay away, or also move away."
    )


class LocationPart(Part):
    """Where a cluster is."""

    latitude: Annotated[Number, Field(ge=-90, le=90)] = Field(description="Degrees north.")
    longitude: Annotated[Number, Field(ge=-180, le=180)] = Field(description="Degrees east.")
    region: LabelValue | None = Field(
        default=None, description="Becomes the label `topology.kubernetes.io/region`."
    )
    zone: LabelValue | None = Field(
        default=None, description="Becomes the label `topology.kubernetes.io/zone`."
    )


class PricePart(Part):
    """What an hour costs, in the fleet's currency."""

    cpu_hour: Annotated[Number, Field(ge=0)] = Field(description="One CPU.")
    memory_gib_hour: Annotated[Number, Field(ge=0)] = Field(
        default=0.0, alias="memoryGiBHour", description="One GiB of memory."
    )


class ClusterSpec(Part):
    """What runs in the cluster, and what is known of it."""

    agent: str = Field(description="The agent that pulls there, such as `flux`.")
    kubernetes: MinorVersion | None = Field(
        default=None, description="Its Kubernetes version, such as 1.31: objects must fit it."
    )
    taints: list[TaintPart] = Field(default=[], description="What keeps components away.")
    capabilities: list[str] = Field(
        default=[], description="Devices, CPU features and the like that components may require."
    )
    capacity: Quantities = Field(
        default={}, description="What workloads may request in all, by resource (cpu, memory, ...)."
    )
    allocated: Quantities = Field(
        default={}, description="What is used of it by others than Switchyard's applications."
    )
    location: LocationPart | None = Field(default=None, description="Where it is.")
    price: PricePart | None = Field(default=None, description="What it costs.")
    carbon: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="Carbon intensity of its electricity, grams of CO2 per kWh."
    )
    maintenance: Literal["none", "cordoned", "drained"] = Field(
        default="none",
        description="`cordoned`: nothing new is placed there; `drained`: what runs moves away.",
    )
    timezone: Timezone = Field(
        default="UTC", description="IANA name, such as Europe/Berlin: windows are in its hours."
    )
    values: dict[Name, str | int | float | bool] = Field(
        default={}, description="Values for customisations, `${cluster.values.<name>}`."
    )

    @model_validator(mode="after")
    def _allocated_of_capacity(self) -> "ClusterSpec":
        for name in sorted(self.allocated):
            if name not in self.capacity:
                raise wrong(f"`allocated` has {name}, which `capacity` does not have")
        return self


class ClusterDocument(Part):
    """A cluster of the fleet (fleet repo, `clusters/`)."""

    api_version: Version
    kind: Literal["Cluster"] = Field(description="Always this.")
    metadata: ClusterMetadata = Field(description="Name and labels.")
    spec: ClusterSpec = Field(description="What runs there.")


class RegistrationSpec(Part):
    """Which application comes from where and goes where."""

    application: Name = Field(description="The name in the app repo's `switchyard.yaml`.")
    tenant: Name = Field(description="The tenant it belongs to.")
    app: RepoName = Field(description="The app repo, `forge:group/name`.")
    deploy: RepoName = Field(description="The deploy repo, `forge:group/name`.")
    path: Folder = Field(
        default="", description="The folder in the app repo; its root if left out."
    )
    priority: int = Field(
        default=0, description="Of applications that want the same room, the higher is served."
    )


class RegistrationDocument(Part):
    """An application that Switchyard watches (fleet repo, `applications/`)."""

    api_version: Version
    kind: Literal["Registration"] = Field(description="Always this.")
    metadata: Metadata = Field(description="Name.")
    spec: RegistrationSpec = Field(description="Where it comes from and goes.")


class ApprovalPart(Part):
    """How many people must approve merge requests that touch some clusters."""

    clusters: SelectorPart = Field(
        default_factory=SelectorPart, description="A wave that touches one of them needs this."
    )
    count: PositiveInt = Field(description="How many approvals of the head commit.")
    author_may_approve: bool = Field(
        default=False, description="Whether an author of the revision counts."
    )
    users: list[str] = Field(
        default=[], description="Whose approvals count; with no users and teams, anybody's."
    )
    teams: list[str] = Field(
        default=[],
        description="Members of these count as well: `org/team` on GitHub, a group on GitLab.",
    )
    role: Literal["read", "triage", "write", "maintain", "admin"] = Field(
        default="write",
        description="The least role in the deploy repo whose approvals count (GitLab: Guest, "
        "Reporter, Developer, Maintainer, Owner).",
    )
    code_owners: bool = Field(
        default=False,
        description="Whether the owners that the deploy repo's CODEOWNERS names for the changed "
        "files must approve too.",
    )


class FreezePart(Part):
    """A time in which nothing merges."""

    name: Name = Field(description="What the freeze is called.")
    clusters: SelectorPart = Field(
        default_factory=SelectorPart, description="A wave that touches one of them waits."
    )
    begin: Moment = Field(alias="from", description="The first moment (RFC 3339).")
    until: Moment = Field(description="The first moment after it (RFC 3339).")
    reason: str = Field(description="Why, for those who wait.")

    @model_validator(mode="after")
    def _in_order(self) -> "FreezePart":
        if self.until <= self.begin:
            raise wrong("`until` must be later than `from`")
        return self


class WindowPart(Part):
    """The hours in which alone clusters may be changed, in each cluster's own time zone."""

    name: Name = Field(description="What the window is called.")
    clusters: SelectorPart = Field(
        default_factory=SelectorPart, description="Waves that touch one of them wait for it."
    )
    days: Annotated[list[Day], Field(min_length=1)] = Field(
        default=["mon", "tue", "wed", "thu", "fri", "sat", "sun"], description="The days it opens."
    )
    begin: Hour = Field(alias="from", description="When it opens, such as 22:00.")
    until: Hour = Field(description="When it closes; not later than `from`: on the next day.")


class ReportsPart(Part):
    """How reports are judged."""

    max_age: Duration = Field(description="A cluster silent for longer is UNKNOWN.")


class FactsPart(Part):
    """How reported facts are judged."""

    max_age: Duration = Field(description="Older facts do not count; 15m if left out.")


class PolicySpec(Part):
    """Rules; several policies add up."""

    approvals: list[ApprovalPart] = Field(default_factory=list, description="Who must approve.")
    freezes: list[FreezePart] = Field(default_factory=list, description="When nothing merges.")
    windows: list[WindowPart] = Field(
        default_factory=list, description="When alone something merges; any one open is enough."
    )
    reports: ReportsPart | None = Field(default=None, description="How reports are judged.")
    facts: FactsPart | None = Field(default=None, description="How reported facts are judged.")
    merge_method: Literal["merge", "squash", "rebase"] | None = Field(
        default=None,
        description="How merge requests are merged; if left out, as the deploy repo allows, merge "
        "commits first.",
    )
    plaintext_secrets: list[Name] = Field(
        default=[], description="Tenants that may keep plain Secrets in Git: for test fleets only."
    )


class PolicyDocument(Part):
    """Rules of the platform team (fleet repo, `policies/`)."""

    api_version: Version
    kind: Literal["Policy"] = Field(description="Always this.")
    metadata: Metadata = Field(description="Name.")
    spec: PolicySpec = Field(description="The rules.")
