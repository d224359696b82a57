"""The documents that people write, as pydantic models; their descriptions are the reference."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bot.intake.types import (
    AtOnce,
    Duration,
    Folder,
    Labels,
    Moment,
    Name,
    Part,
    RepoName,
    SelectorPart,
    wrong,
)

Version = Annotated[Literal["switchyard.dev/v1alpha1"], Field(description="Always this.")]
Count = Annotated[int, Field(ge=1)]


class Metadata(Part):
    """The document's name."""

    name: Name = Field(description="Unique among documents of this kind.")


class ClusterMetadata(Metadata):
    """Name and labels of a cluster."""

    labels: Labels = Field(default={}, description="What selectors select by.")


class ClusterSpec(Part):
    """What runs in the cluster."""

    agent: str = Field(description="The agent that pulls there, such as `flux`.")


class ClusterDocument(Part):
    """A cluster of the fleet (fleet repo, `clusters/`)."""

    api_version: Version
    kind: Literal["Cluster"] = Field(description="Always this.")
    metadata: ClusterMetadata = Field(description="Name and labels.")
    spec: ClusterSpec = Field(description="What runs there.")


class TenantSpec(Part):
    """What a tenant owns."""

    namespace: Name = Field(description="The namespace that the tenant's objects are written to.")
    clusters: SelectorPart = Field(
        default_factory=SelectorPart, description="The clusters the tenant may use."
    )


class TenantDocument(Part):
    """Who may place what where (fleet repo, `tenants/`)."""

    api_version: Version
    kind: Literal["Tenant"] = Field(description="Always this.")
    metadata: Metadata = Field(description="Name.")
    spec: TenantSpec = Field(description="What it owns.")


class RegistrationSpec(Part):
    """Which application comes from where and goes where."""

    application: Name = Field(description="The name in the app repo's `switchyard.yaml`.")
    tenant: Name = Field(description="The tenant it belongs to.")
    app: RepoName = Field(description="The app repo, `forge:group/name`.")
    deploy: RepoName = Field(description="The deploy repo, `forge:group/name`.")
    path: Folder = Field(
        default="", description="The folder in the app repo; its root if left out."
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
    count: Count = Field(description="How many approvals of the head commit.")
    author_may_approve: bool = Field(
        default=False, description="Whether an author of the revision counts."
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


class ReportsPart(Part):
    """How reports are judged."""

    max_age: Duration = Field(description="A cluster silent for longer is UNKNOWN.")


class PolicySpec(Part):
    """Rules; several policies add up."""

    approvals: list[ApprovalPart] = Field(default_factory=list, description="Who must approve.")
    freezes: list[FreezePart] = Field(default_factory=list, description="When nothing merges.")
    reports: ReportsPart | None = Field(default=None, description="How reports are judged.")


class PolicyDocument(Part):
    """Rules of the platform team (fleet repo, `policies/`)."""

    api_version: Version
    kind: Literal["Policy"] = Field(description="Always this.")
    metadata: Metadata = Field(description="Name.")
    spec: PolicySpec = Field(description="The rules.")


class SourcePart(Part):
    """Where a component's manifests are; exactly one key."""

    manifests: Folder | None = Field(default=None, description="A folder of plain manifests.")
    kustomize: Folder | None = Field(
        default=None, description="A kustomize folder; needs kustomize 5 or kubectl on PATH."
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> "SourcePart":
        if (self.manifests is None) == (self.kustomize is None):
            raise wrong("a source has exactly one of manifests and kustomize")
        return self


class DependencyPart(Part):
    """What must be there first."""

    component: Name = Field(description="The component that must be there.")
    when: Literal["Applied", "Ready"] = Field(
        default="Ready", description="What it must have reached."
    )
    on: Literal["sameCluster", "allClusters", "quorum"] = Field(
        default="sameCluster",
        description="Where: on each cluster this component changes, on all clusters that it has "
        "reached in this stage and earlier ones, or on so many of those.",
    )
    quorum: Count | None = Field(default=None, description="With `on: quorum`: how many clusters.")
    soak: Duration | None = Field(default=None, description="How long it must have been ready.")
    timeout: Duration | None = Field(
        default=None, description="When the wait is called overdue; 15m if left out."
    )

    @model_validator(mode="after")
    def _quorum_fits(self) -> "DependencyPart":
        if (self.on == "quorum") != (self.quorum is not None):
            raise wrong("`quorum` is a number of clusters and goes with `on: quorum`")
        return self


class ComponentPart(Part):
    """A part of the application that is placed, merged and reported on as one."""

    name: Name = Field(description="Unique in the application.")
    source: SourcePart = Field(description="Where its manifests are.")
    depends_on: list[DependencyPart] = Field(default=[], description="What must be there first.")


class AnyOfPart(Part):
    """The best of some clusters."""

    select: SelectorPart = Field(description="The clusters to choose from.")
    count: Count = Field(description="How many.")


class PlacementPart(Part):
    """Where components run: on every cluster that `allOf` selects and on the best of `anyOf`."""

    components: Annotated[list[Name], Field(min_length=1)] = Field(description="Which.")
    all_of: list[SelectorPart] = Field(
        default_factory=list, description="Every cluster that one of these selects."
    )
    any_of: AnyOfPart | None = Field(default=None, description="The best of some clusters.")

    @model_validator(mode="after")
    def _somewhere(self) -> "PlacementPart":
        if not self.all_of and self.any_of is None:
            raise wrong("a placement needs allOf, anyOf or both")
        return self


class TargetPart(Part):
    """One object of a component."""

    kind: str = Field(description="Its kind.")
    name: str = Field(description="Its metadata.name.")


class CustomizationPart(Part):
    """A change to one object on some clusters; exactly one kind of patch."""

    name: Name = Field(description="What it is called in messages.")
    components: Annotated[list[Name], Field(min_length=1)] = Field(description="Whose object.")
    clusters: SelectorPart | None = Field(
        default=None, description="On which clusters; on all if left out."
    )
    excluded: SelectorPart | None = Field(
        default=None, alias="except", description="But not on these."
    )
    target: TargetPart = Field(description="Which object.")
    strategic_merge: dict[str, Any] | None = Field(
        default=None, description="A partial object, merged as kubectl does."
    )
    json_patch: list[Any] | None = Field(default=None, description="Operations (RFC 6902).")

    @model_validator(mode="after")
    def _exactly_one(self) -> "CustomizationPart":
        if (self.strategic_merge is None) == (self.json_patch is None):
            raise wrong("a customisation has exactly one of strategicMerge and jsonPatch")
        return self


class StagePart(Part):
    """A step of a rollout."""

    name: Name = Field(description="What it is called; `remove` and `others` are taken.")
    clusters: SelectorPart | None = Field(
        default=None, description="Its clusters; all that earlier stages left if left out."
    )
    soak: Duration | None = Field(
        default=None, description="How long all must have been ready before the next stage."
    )
    max_at_once: AtOnce | None = Field(
        default=None, description="Cut the stage into batches: a number, or a share like 25%."
    )

    @model_validator(mode="after")
    def _name_is_free(self) -> "StagePart":
        if self.name in {"remove", "others"}:
            raise wrong(f"{self.name!r} is the name of a stage that Switchyard makes itself")
        return self


class RolloutPart(Part):
    """In which steps clusters are reached."""

    stages: list[StagePart] = Field(default_factory=list, description="In this order.")


class ApplicationSpec(Part):
    """The application and its intents."""

    tenant: Name = Field(description="The tenant, as the fleet repo registers it.")
    components: Annotated[list[ComponentPart], Field(min_length=1, description="Its parts.")]
    placement: list[PlacementPart] = Field(default_factory=list, description="Where they run.")
    customizations: list[CustomizationPart] = Field(
        default_factory=list, description="What is different where, applied in this order."
    )
    rollout: RolloutPart = Field(
        default_factory=RolloutPart, description="The steps in which clusters are reached."
    )


class ApplicationDocument(Part):
    """What a team wants to run (app repo, `switchyard.yaml`)."""

    api_version: Version
    kind: Literal["Application"] = Field(description="Always this.")
    metadata: Metadata = Field(description="Name.")
    spec: ApplicationSpec = Field(description="Its parts and intents.")


FLEET_DOCUMENTS: dict[str, type[Part]] = {
    "clusters": ClusterDocument,
    "tenants": TenantDocument,
    "applications": RegistrationDocument,
    "policies": PolicyDocument,
}
