"""The model of the application document (`switchyard.yaml`)."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, create_model, model_validator
from pydantic.alias_generators import to_camel

from bot.documents import schema_rules as rules
from bot.documents.chart_types import (
    Chart,
    ChartDigest,
    ChartRepository,
    ChartVersion,
    check_chart,
)
from bot.documents.models.common import Metadata, Part, PositiveInt, Version
from bot.documents.models.connectivity import ConnectivityPart
from bot.documents.models.gates import GatePart
from bot.documents.models.kinds import KindPart, with_kinds
from bot.documents.models.placement import ExceptionPart, PlacementPart
from bot.documents.models.rules import MOST_RULES, RulePart
from bot.documents.types import (
    ApplicationName,
    AtOnce,
    ClusterLabel,
    DataKey,
    Duration,
    Failures,
    File,
    Folder,
    Name,
    SelectorPart,
    invalid,
)
from bot.engine import discovery
from renderers.sources import ParameterKind, Source


class _ParameterizedSource(Part):
    """A source that is more than a folder; a folder alone may be written as text."""

    may_be_text = True

    @model_validator(mode="before")
    @classmethod
    def _folder_alone(cls, value: Any) -> Any:
        return {to_camel(next(iter(cls.model_fields))): value} if isinstance(value, str) else value


class _ChartSource(_ParameterizedSource):
    """A source that may be outside of the app repo."""

    chart: Chart
    repository: ChartRepository | None = None
    version: ChartVersion | None = None
    digest: ChartDigest | None = None

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """A chart that is not in the app repo is pinned, and another one is not."""
        return (
            {
                "if": rules.any_of("repository", "version", "digest"),
                "then": rules.given("version", "digest"),
            },
        )

    @model_validator(mode="after")
    def _pinned(self) -> "_ChartSource":
        check_chart(self.chart, self.repository, self.version, self.digest)
        return self


def _source_type(source: Source) -> Any:
    """The type of a source's key: a folder, or a mapping of its parameters."""
    if not source.parameters:
        return Folder
    types: dict[ParameterKind, tuple[Any, Any]] = {
        ParameterKind.FOLDER: (Folder, ...),
        ParameterKind.FILES: (list[File], []),
        ParameterKind.NAME: (Name | None, None),
        ParameterKind.CHART: (Chart, ...),
        ParameterKind.REPOSITORY: (ChartRepository | None, None),
        ParameterKind.VERSION: (ChartVersion | None, None),
        ParameterKind.DIGEST: (ChartDigest | None, None),
    }
    fields: dict[str, Any] = {
        each.name: (types[each.kind][0], Field(types[each.kind][1], description=each.summary))
        for each in source.parameters
    }
    name = f"{source.name.title()}Source"
    is_chart = source.parameters[0].kind is ParameterKind.CHART
    base = _ChartSource if is_chart else _ParameterizedSource
    return create_model(name, __base__=base, __doc__=source.summary, **fields)


@with_kinds(
    {name: (_source_type(each), each.summary) for name, each in discovery.sources().items()}
)
class SourcePart(KindPart):
    """The source of a component's manifests; exactly one key."""

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """Exactly one key."""
        return (rules.exactly_one(list(cls.kinds())),)

    @model_validator(mode="after")
    def _exactly_one(self) -> "SourcePart":
        if len(self.chosen()) != 1:
            raise invalid(f"a source must have exactly one of {', '.join(self.kinds())}")
        return self


class DependencyPart(Part):
    """A dependency on another component."""

    component: Name = Field(description="The component depended on.")
    application: ApplicationName | None = Field(
        default=None,
        description="The registered application of the component. Default: this application.",
    )
    when: Literal["Applied", "Ready"] = Field(
        default="Ready", description="The state that the component must have reached."
    )
    on: Literal["sameCluster", "allClusters", "anyCluster", "quorum"] = Field(
        default="sameCluster",
        description="The clusters on which it must have reached the state: each cluster on which "
        "the dependant changes, all of its clusters in this stage and earlier ones, any of "
        "these, or `quorum` of these.",
    )
    quorum: PositiveInt | None = Field(
        default=None, description="The number of clusters for `on: quorum`."
    )
    soak: Duration | None = Field(
        default=None, description="How long it must have been ready. Default: 0s."
    )
    timeout: Duration | None = Field(
        default=None, description="When the wait becomes overdue. Default: 15m."
    )
    on_failure: Literal["hold", "rollback", "continue"] = Field(
        default="hold",
        description="The reaction to an overdue wait: wait for people, roll back the rollout, or "
        "continue without the dependency.",
    )

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """`quorum` is for `on: quorum`."""
        return (
            {
                "if": rules.has("on", "quorum"),
                "then": rules.given("quorum"),
                "else": rules.none_of("quorum"),
            },
        )

    @model_validator(mode="after")
    def _quorum_fits(self) -> "DependencyPart":
        if (self.on == "quorum") != (self.quorum is not None):
            raise invalid("`quorum` is required for `on: quorum`, and invalid otherwise")
        return self


class ComponentPart(Part):
    """A component: the unit of placement, merging and reporting."""

    name: Name = Field(description="Name, unique in the application.")
    source: SourcePart = Field(description="The source of its manifests.")
    depends_on: list[DependencyPart] = Field(
        default=[], description="Components that it depends on."
    )


class TargetPart(Part):
    """An object of a component."""

    kind: str = Field(description="Kind of the object.")
    name: str = Field(description="`metadata.name` of the object.")


class DataFilePart(Part):
    """One entry of a ConfigMap or Secret."""

    file: File = Field(description="Path of the file in the app repo.")
    key: DataKey | None = Field(
        default=None, description="Key of the entry. Default: the file's name."
    )


class DataPart(Part):
    """Files of a ConfigMap or Secret, which is created if the component does not have it."""

    name: str = Field(description="`metadata.name` of the object.")
    files: Annotated[list[DataFilePart], Field(min_length=1)] = Field(
        description="The files. A ConfigMap holds text in `data` and other content in "
        "`binaryData`; a Secret holds all in `data`."
    )


_SHAPES = {"object": dict[str, Any], "array": list[Any]}


@with_kinds(
    {name: (_SHAPES[each.shape], each.summary) for name, each in discovery.patches().items()}
)
class CustomizationPart(KindPart):
    """A difference on some clusters: one patch, one template, one set of data files, or values."""

    name: Name = Field(description="Name in messages.")
    components: Annotated[list[Name], Field(min_length=1)] = Field(
        description="Components to which it applies."
    )
    clusters: SelectorPart | None = Field(
        default=None, description="Clusters to which it applies. Default: all clusters."
    )
    excluded: SelectorPart | None = Field(
        default=None, alias="except", description="Clusters to which it does not apply."
    )
    target: TargetPart | None = Field(default=None, description="The object to patch.")
    template: File | None = Field(default=None, description="Path of a file with new objects.")
    config_map: DataPart | None = Field(default=None, description="Files to store in a ConfigMap.")
    secret: DataPart | None = Field(
        default=None,
        description="Files to store in a Secret, where a policy permits unencrypted Secrets.",
    )

    helm_values: dict[str, Any] | None = Field(
        default=None,
        description="Values for the components' Helm charts; later customisations add to them.",
    )

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """Exactly one difference; patches have a target."""
        return (
            rules.exactly_one([*cls.kinds(), "template", "configMap", "secret", "helmValues"]),
            {
                "if": rules.any_of(*cls.kinds()),
                "then": rules.given("target"),
                "else": rules.none_of("target"),
            },
        )

    @model_validator(mode="after")
    def _exactly_one(self) -> "CustomizationPart":
        patches = self.chosen()
        others = (self.template, self.config_map, self.secret, self.helm_values)
        if len(patches) + sum(each is not None for each in others) != 1:
            keys = ", ".join([*self.kinds(), "template", "configMap", "secret", "helmValues"])
            raise invalid(f"a customisation must have exactly one of {keys}")
        if (self.target is None) == bool(patches):
            raise invalid(
                f"`target` is required for {', '.join(self.kinds())}, and invalid otherwise"
            )
        return self


RESERVED = "^(?:before-remove$|remove$|others$|rollback|rules)"


class StagePart(Part):
    """A stage of a rollout."""

    name: Name = Field(
        description="Name; `before-remove`, `remove`, `others` and names that begin with "
        "`rollback` or `rules` are reserved."
    )
    clusters: SelectorPart | None = Field(
        default=None,
        description="Clusters of the stage. Default: all clusters of no earlier stage.",
    )
    soak: Duration | None = Field(
        default=None,
        description="How long all clusters must be ready before the next stage. Default: 0s.",
    )
    max_at_once: AtOnce | None = Field(
        default=None, description="Batch size: a number of clusters, or a percentage such as 25%."
    )
    by: ClusterLabel | None = Field(
        default=None,
        description="Cluster label; clusters with different values never share a batch.",
    )
    max_failures: Failures = Field(
        default=0,
        description="Number or percentage of clusters that may fail without stopping the rollout.",
    )

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """Some names are reserved."""
        return ({"not": {"properties": {"name": {"pattern": RESERVED}}}},)

    @model_validator(mode="after")
    def _name_is_free(self) -> "StagePart":
        if re.search(RESERVED, self.name):
            raise invalid(f"stage name {self.name!r} is reserved")
        return self


class RolloutPart(Part):
    """The order in which clusters are updated."""

    stages: list[StagePart] = Field(default_factory=list, description="Stages, in order.")
    on_failure: Literal["hold", "rollback"] = Field(
        default="hold",
        description="The reaction to more failed clusters in a stage than `maxFailures`: wait for "
        "people, or roll back the rollout.",
    )
    offline: Literal["wait", "catchUp"] = Field(
        default="wait",
        description="Clusters that have not reported within their maximum report age: wait for "
        "them, or let them catch up when they are back.",
    )
    gates: list[GatePart] = Field(
        default_factory=list, description="What has to pass before or after waves."
    )


class ApplicationSpec(Part):
    """The components and intents of an application."""

    tenant: Name = Field(description="The tenant, as registered in the fleet repo.")
    components: Annotated[
        list[ComponentPart],
        Field(description="Components of the application. None removes it from all clusters."),
    ]
    placement: list[PlacementPart] = Field(
        default_factory=list, description="Placement of components."
    )
    exceptions: list[ExceptionPart] = Field(
        default_factory=list, description="Temporary deviations from the placement."
    )
    rules: Annotated[list[RulePart], Field(max_length=MOST_RULES)] = Field(
        default_factory=list,
        description="When the placement changes by itself: on demand, under load, on a schedule.",
    )
    strategy: Literal["greedy", "optimal"] = Field(
        default="greedy",
        description="Place components one by one (`greedy`), or together with a solver "
        "(`optimal`, after `pip install switchyard[optimal]`).",
    )
    customizations: list[CustomizationPart] = Field(
        default_factory=list, description="Differences between clusters, applied in this order."
    )
    connectivity: list[ConnectivityPart] = Field(
        default_factory=list, description="Who may call whom."
    )
    rollout: RolloutPart = Field(
        default_factory=RolloutPart, description="Stages, and the reaction to failures."
    )


class ApplicationDocument(Part):
    """An application (app repo, `switchyard.yaml`)."""

    api_version: Version
    kind: Literal["Application"] = Field(description="The kind of document.")
    metadata: Metadata = Field(description="Name of the application.")
    spec: ApplicationSpec = Field(description="Components and intents.")
