"""The application document (`switchyard.yaml`)."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bot.documents.models.common import Metadata, Part, PositiveInt, Version
from bot.documents.models.kinds import KindPart, with_kinds
from bot.documents.models.placement import ExceptionPart, PlacementPart
from bot.documents.types import (
    AtOnce,
    DataKey,
    Duration,
    Failures,
    File,
    Folder,
    LabelKey,
    Name,
    SelectorPart,
    wrong,
)
from bot.engine import discovery


@with_kinds({name: (Folder, each.summary) for name, each in discovery.sources().items()})
class SourcePart(KindPart):
    """Where a component's manifests are; exactly one key."""

    @model_validator(mode="after")
    def _exactly_one(self) -> "SourcePart":
        if len(self.chosen()) != 1:
            raise wrong(f"a source has exactly one of {', '.join(self.kinds())}")
        return self


class DependencyPart(Part):
    """What must be there first."""

    component: Name = Field(description="The component that must be there.")
    application: Name | None = Field(
        default=None, description="The registered application it belongs to; this one if left out."
    )
    when: Literal["Applied", "Ready"] = Field(
        default="Ready", description="What it must have reached."
    )
    on: Literal["sameCluster", "allClusters", "anyCluster", "quorum"] = Field(
        default="sameCluster",
        description="Where: on each cluster this component changes, on all clusters that it has "
        "reached in this stage and earlier ones, on one of those, or on so many of those.",
    )
    quorum: PositiveInt | None = Field(
        default=None, description="With `on: quorum`: how many clusters."
    )
    soak: Duration | None = Field(default=None, description="How long it must have been ready.")
    timeout: Duration | None = Field(
        default=None, description="When the wait is called overdue; 15m if left out."
    )
    on_failure: Literal["hold", "rollback", "continue"] = Field(
        default="hold",
        description="What an overdue wait leads to: waiting on, going back to what ran before, or "
        "going on without it.",
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


class TargetPart(Part):
    """One object of a component."""

    kind: str = Field(description="Its kind.")
    name: str = Field(description="Its metadata.name.")


class DataFilePart(Part):
    """One entry of a ConfigMap or Secret."""

    file: File = Field(description="The file in the app repo.")
    key: DataKey | None = Field(default=None, description="The entry's key; the file's name.")


class DataPart(Part):
    """Files for a ConfigMap or Secret, which is made if the component has none of that name."""

    name: str = Field(description="Its metadata.name.")
    files: Annotated[list[DataFilePart], Field(min_length=1)] = Field(
        description="Text goes to `data`, other bytes to `binaryData` (in a Secret: all to `data`)."
    )


_SHAPES = {"object": dict[str, Any], "array": list[Any]}


@with_kinds(
    {name: (_SHAPES[each.shape], each.summary) for name, each in discovery.patches().items()}
)
class CustomizationPart(KindPart):
    """What is different on some clusters: one patch, one template or one set of data files."""

    name: Name = Field(description="What it is called in messages.")
    components: Annotated[list[Name], Field(min_length=1)] = Field(description="Whose object.")
    clusters: SelectorPart | None = Field(
        default=None, description="On which clusters; on all if left out."
    )
    excluded: SelectorPart | None = Field(
        default=None, alias="except", description="But not on these."
    )
    target: TargetPart | None = Field(default=None, description="Which object a patch changes.")
    template: File | None = Field(default=None, description="A file of new objects.")
    config_map: DataPart | None = Field(default=None, description="Files into a ConfigMap.")
    secret: DataPart | None = Field(
        default=None, description="Files into a Secret; only where a policy allows plain ones."
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> "CustomizationPart":
        patches = self.chosen()
        others = (self.template, self.config_map, self.secret)
        if len(patches) + sum(each is not None for each in others) != 1:
            keys = ", ".join([*self.kinds(), "template", "configMap", "secret"])
            raise wrong(f"a customisation has exactly one of {keys}")
        if (self.target is None) == bool(patches):
            raise wrong(f"`target` goes with a patch: {', '.join(self.kinds())}")
        return self


class StagePart(Part):
    """A step of a rollout."""

    name: Name = Field(
        description="What it is called; `remove`, `others` and `rollback...` are taken."
    )
    clusters: SelectorPart | None = Field(
        default=None, description="Its clusters; all that earlier stages left if left out."
    )
    soak: Duration | None = Field(
        default=None, description="How long all must have been ready before the next stage."
    )
    max_at_once: AtOnce | None = Field(
        default=None, description="Cut the stage into batches: a number, or a share like 25%."
    )
    by: LabelKey | None = Field(
        default=None, description="A cluster label: each of its values makes batches of its own."
    )
    max_failures: Failures = Field(
        default=0, description="So many clusters, or that share, may fail: the rest goes on."
    )

    @model_validator(mode="after")
    def _name_is_free(self) -> "StagePart":
        if self.name in {"remove", "others"} or self.name.startswith("rollback"):
            raise wrong(f"{self.name!r} is the name of a stage that Switchyard makes itself")
        return self


class RolloutPart(Part):
    """In which steps clusters are reached."""

    stages: list[StagePart] = Field(default_factory=list, description="In this order.")
    on_failure: Literal["hold", "rollback"] = Field(
        default="hold",
        description="When more clusters of a stage failed than it allows: wait for people, or go "
        "back to what ran before.",
    )


class ApplicationSpec(Part):
    """The application and its intents."""

    tenant: Name = Field(description="The tenant, as the fleet repo registers it.")
    components: Annotated[list[ComponentPart], Field(min_length=1, description="Its parts.")]
    placement: list[PlacementPart] = Field(default_factory=list, description="Where they run.")
    exceptions: list[ExceptionPart] = Field(
        default_factory=list, description="Where they run otherwise for a time."
    )
    strategy: Literal["greedy", "optimal"] = Field(
        default="greedy",
        description="Place one component after the other, or all at once by a solver "
        "(`pip install switchyard[optimal]`).",
    )
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
