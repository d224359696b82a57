"""The models of the fleet repo's clusters, registrations and policies."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from bot.documents.chart_types import ChartAddress, ChartHost
from bot.documents.models.agents import with_settings
from bot.documents.models.common import Metadata, Part, PositiveInt, Version
from bot.documents.models.connectivity import NetworkPart
from bot.documents.models.gates import GateServerPart, PolicyGatePart
from bot.documents.models.notify import NotifyPart
from bot.documents.models.rules import AutomaticPart, FailoverPart, QueryPart
from bot.documents.types import (
    ApiVersion,
    ApplicationName,
    Day,
    Duration,
    Folder,
    HostPattern,
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
    TenantName,
    Timezone,
    invalid,
)


class ClusterMetadata(Metadata):
    """The metadata of a cluster."""

    labels: Labels = Field(default={}, description="Labels for selectors.")


class TaintPart(Part):
    """Repels components that do not tolerate it (Kubernetes: core/v1 Taint)."""

    key: LabelKey = Field(description="Key of the taint.")
    value: LabelValue = Field(default="", description="Value of the taint.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        description="Rejects new components, ranks the cluster last, or also evicts what runs."
    )


class LocationPart(Part):
    """The location of a cluster."""

    latitude: Annotated[Number, Field(ge=-90, le=90)] = Field(
        description="Latitude in degrees north."
    )
    longitude: Annotated[Number, Field(ge=-180, le=180)] = Field(
        description="Longitude in degrees east."
    )
    region: LabelValue | None = Field(
        default=None, description="Region; sets the label `topology.kubernetes.io/region`."
    )
    zone: LabelValue | None = Field(
        default=None, description="Zone; sets the label `topology.kubernetes.io/zone`."
    )


class PricePart(Part):
    """Hourly prices, in the fleet's currency."""

    cpu_hour: Annotated[Number, Field(ge=0)] = Field(description="Price of one CPU.")
    memory_gib_hour: Annotated[Number, Field(ge=0)] = Field(
        default=0.0, alias="memoryGiBHour", description="Price of one GiB of memory."
    )


class ClusterFacts(Part):
    """The agent of a cluster, and facts about the cluster."""

    agent: str = Field(description="The GitOps agent of the cluster, such as `flux`.")
    kubernetes: MinorVersion | None = Field(
        default=None,
        description='Version, such as "1.31" or "v1.31.4+k3s1"; objects are validated as its minor '
        "version does it.",
    )
    api_versions: list[ApiVersion] = Field(
        default=[],
        description="API versions of custom kinds that others have installed, such as "
        "`monitoring.coreos.com/v1/ServiceMonitor`; Helm charts see them in "
        "`.Capabilities.APIVersions`.",
    )
    taints: list[TaintPart] = Field(default=[], description="Taints of the cluster.")
    capabilities: list[str] = Field(
        default=[],
        description="Devices, CPU features and other capabilities that components can require.",
    )
    capacity: Quantities = Field(
        default={}, description="Total that workloads may request, by resource (cpu, memory, ...)."
    )
    allocated: Quantities = Field(
        default={},
        description="Part of the capacity used by workloads that Switchyard does not manage.",
    )
    nodes: PositiveInt | None = Field(
        default=None,
        description="Number of nodes: a DaemonSet counts once for each against the capacity.",
    )
    location: LocationPart | None = Field(default=None, description="Location of the cluster.")
    price: PricePart | None = Field(default=None, description="Hourly prices.")
    carbon: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="Carbon intensity of its electricity, in grams of CO2 per kWh."
    )
    maintenance: Literal["none", "cordoned", "drained"] = Field(
        default="none",
        description="`cordoned`: no new components; `drained`: running components move away too.",
    )
    network: NetworkPart | None = Field(
        default=None, description="What it has that carries connections: mesh, gateways, policies."
    )
    timezone: Timezone = Field(
        default="UTC", description="IANA name, such as Europe/Berlin, for maintenance windows."
    )
    values: dict[Name, JsonValue] = Field(
        default={},
        description="Values for customisations, `${cluster.values.<name>}`; those in mappings as "
        "`${cluster.values.<name>.<key>}`.",
    )
    report_key_generation: PositiveInt = Field(
        default=1,
        description="Generation of the key that signs the cluster's reports; a higher number "
        "revokes the keys before it.",
    )

    @model_validator(mode="after")
    def _allocated_of_capacity(self) -> "ClusterFacts":
        for name in sorted(self.allocated):
            if name not in self.capacity:
                raise invalid(f"`allocated` lists {name}, but `capacity` does not")
        return self


if TYPE_CHECKING:

    class ClusterSpec(ClusterFacts):
        """The same, with a part for the settings of each agent that is installed."""

else:
    ClusterSpec = with_settings(ClusterFacts, "ClusterSpec")


class ClusterDocument(Part):
    """A cluster of the fleet (fleet repo, `clusters/`)."""

    api_version: Version
    kind: Literal["Cluster"] = Field(description="The kind of document.")
    metadata: ClusterMetadata = Field(description="Name and labels.")
    spec: ClusterSpec = Field(description="Agent and facts.")


class RegistrationSpec(Part):
    """The repositories and the tenant of an application."""

    application: Name = Field(description="Name of the application, as in its `switchyard.yaml`.")
    tenant: TenantName = Field(description="Tenant of the application.")
    app: RepoName = Field(description="App repo, `forge:group/name`.")
    deploy: RepoName = Field(description="Deploy repo, `forge:group/name`.")
    path: Folder = Field(
        default="", description="Folder of `switchyard.yaml` in the app repo. Default: the root."
    )
    priority: int = Field(
        default=0,
        description="Precedence among applications that compete for resources; higher wins.",
    )


class RegistrationDocument(Part):
    """A registered application (fleet repo, `applications/`)."""

    api_version: Version
    kind: Literal["Registration"] = Field(description="The kind of document.")
    metadata: Metadata = Field(description="Name.")
    spec: RegistrationSpec = Field(description="Repositories and tenant.")


class ApprovalPart(Part):
    """Approvals required for merge requests that change some clusters."""

    clusters: SelectorPart = Field(
        default_factory=SelectorPart,
        description="Applies to waves that change one of these clusters. Default: all clusters.",
    )
    count: PositiveInt = Field(description="Required number of approvals of the head commit.")
    author_may_approve: bool = Field(
        default=False, description="Whether approvals by authors of the revision count."
    )
    users: list[str] = Field(
        default=[],
        description="Users whose approvals count. Default, if `teams` is empty too: all users.",
    )
    teams: list[str] = Field(
        default=[],
        description="Teams whose members' approvals count: `org/team` on GitHub, a GitLab group.",
    )
    role: Literal["read", "triage", "write", "maintain", "admin"] = Field(
        default="write",
        description="Minimum role in the deploy repo for approvals to count (GitLab: Guest, "
        "Reporter, Developer, Maintainer, Owner).",
    )
    code_owners: bool = Field(
        default=False,
        description="Whether the owners of the changed files in the deploy repo's CODEOWNERS must "
        "approve too.",
    )


class FreezePart(Part):
    """A period in which nothing merges."""

    name: Name = Field(description="Name of the freeze.")
    clusters: SelectorPart = Field(
        default_factory=SelectorPart,
        description="Applies to waves that change one of these clusters. Default: all clusters.",
    )
    begin: Moment = Field(alias="from", description="Start, inclusive (RFC 3339).")
    until: Moment = Field(description="End, exclusive (RFC 3339).")
    reason: str = Field(description="Reason shown to people who wait.")

    @model_validator(mode="after")
    def _in_order(self) -> "FreezePart":
        if self.until <= self.begin:
            raise invalid("`until` must be later than `from`")
        return self


class WindowPart(Part):
    """A weekly maintenance window, in each cluster's own time zone."""

    name: Name = Field(description="Name of the window.")
    clusters: SelectorPart = Field(
        default_factory=SelectorPart,
        description="Clusters that change only inside the window. Default: all clusters.",
    )
    days: Annotated[list[Day], Field(min_length=1)] = Field(
        default=["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        description="Days on which it opens. Default: every day.",
    )
    begin: Hour = Field(alias="from", description='Opening time, such as "22:00".')
    until: Hour = Field(description="Closing time; on the next day if not later than `from`.")


class ReportsPart(Part):
    """The maximum age of status reports of some clusters."""

    clusters: SelectorPart = Field(
        default_factory=SelectorPart, description="Whose reports. Default: of all clusters."
    )
    max_age: Duration = Field(
        description="Without a report for this long, a cluster counts as UNKNOWN. Of several that "
        "select it, the lowest counts."
    )


class FactsPart(Part):
    """The maximum age of reported facts."""

    max_age: Duration = Field(description="Older facts are ignored. Default: 15m.")


class SignedObjectPart(Part):
    """An object that may have rights beyond its tenant's, in exactly this form."""

    application: ApplicationName = Field(description="Registered application that contains it.")
    kind: str = Field(description="Kind of the object, such as ClusterRole, or `Kind.group`.")
    name: str = Field(description="`metadata.name` of the object.")
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] = Field(
        description="Digest of the rendered object; the plan that refuses the object shows it."
    )
    reason: str = Field(description="Reason shown in plans.")


class ChartsPart(Part):
    """An origin of charts that are not in the app repo."""

    address: ChartAddress = Field(
        alias="from",
        description="Address of a registry (`oci://...`) or chart repository (`https://...`), or "
        "of a part of it; charts at and below it may be used.",
    )
    tenants: list[TenantName] = Field(
        default=[], description="Tenants that may use them. Default: every tenant."
    )
    token_hosts: list[ChartHost] = Field(
        default=[],
        description="Other hosts that issue tokens for the registry; they receive its credentials.",
    )
    download_hosts: list[HostPattern] = Field(
        default=[],
        description="Other hosts, such as `*.example.com`, from which archives are downloaded "
        "when the registry or repository refers to them; they receive no credentials.",
    )
    private_network: bool = Field(
        default=False,
        description="Whether these hosts may have addresses in private networks.",
    )


class PolicySpec(Part):
    """Rules; those of several policies combine."""

    approvals: list[ApprovalPart] = Field(default_factory=list, description="Required approvals.")
    freezes: list[FreezePart] = Field(
        default_factory=list, description="Periods in which nothing merges."
    )
    windows: list[WindowPart] = Field(
        default_factory=list, description="Maintenance windows; one open window suffices."
    )
    reports: list[ReportsPart] = Field(
        default=[],
        description="Maximum ages of status reports. Default: twice the interval of the cluster's "
        "agent and its timeout; for Flux 25m.",
    )
    facts: FactsPart | None = Field(default=None, description="Maximum age of reported facts.")
    merge_method: Literal["merge", "squash", "rebase"] | None = Field(
        default=None,
        description="Merge method. Default: as the deploy repo permits, merge commits preferred.",
    )
    signed_objects: list[SignedObjectPart] = Field(
        default=[],
        description="Objects of platform add-ons, such as cluster-wide roles, that may exceed what "
        "their tenant may write.",
    )
    charts: list[ChartsPart] = Field(
        default=[],
        description="Registries and repositories from which charts may be fetched. Default: none.",
    )
    direct_clusters: SelectorPart | None = Field(
        default=None,
        description="Clusters to which Switchyard may apply objects itself, with credentials of "
        "its own (agent `kubernetes`). Clusters with a label `edge` are never among them. Default: "
        "none.",
    )
    watched_clusters: SelectorPart | None = Field(
        default=None,
        description="Clusters, such as hubs, whose agents Switchyard may follow by reading their "
        "objects, in addition to what they report. Default: none.",
    )
    failover: list[FailoverPart] = Field(
        default_factory=list,
        description="When components leave clusters that fail; the first entry that selects a "
        "cluster counts. Default: never.",
    )
    automatic: list[AutomaticPart] = Field(
        default_factory=list,
        description="Rules whose merge requests need no person, within limits. Default: none.",
    )
    queries: list[QueryPart] = Field(
        default_factory=list, description="Queries to Prometheus that rules may watch."
    )
    gates: list[PolicyGatePart] = Field(
        default_factory=list, description="Gates that hold the waves of every application."
    )
    gate_servers: list[GateServerPart] = Field(
        default_factory=list, description="Servers that gates may ask. Default: none."
    )
    notify: list[NotifyPart] = Field(
        default_factory=list, description="Channels that tell people. Default: none."
    )
    plaintext_secrets: list[TenantName] = Field(
        default=[],
        description="Tenants that may store unencrypted Secrets in Git; for test fleets only.",
    )


class PolicyDocument(Part):
    """Rules of the platform team (fleet repo, `policies/`)."""

    api_version: Version
    kind: Literal["Policy"] = Field(description="The kind of document.")
    metadata: Metadata = Field(description="Name.")
    spec: PolicySpec = Field(description="Rules.")
