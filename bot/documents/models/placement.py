"""The models of the placement intent and of exceptions."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from bot.documents import schema_rules as rules
from bot.documents.models.common import NonNegativeInt, Part, PositiveInt
from bot.documents.types import (
    ApplicationName,
    ClusterLabel,
    ClusterName,
    HowMany,
    LabelKey,
    Moment,
    Name,
    Number,
    Preference,
    SelectorPart,
    invalid,
)
from bot.engine import discovery
from planners.placement.scores import key_of

SCORES = [f"`{key_of(each)}`" for each in discovery.scores().values()]


def _shape(value: object) -> str:
    return "<list>" if isinstance(value, list) else "<one>"


OneOrMore = Annotated[
    Annotated[SelectorPart, Tag("<one>")]
    | Annotated[list[SelectorPart], Tag("<list>"), Field(min_length=1)],
    Discriminator(_shape),
]


class AnyOfPart(Part):
    """The best of the selected clusters: `count` of them, or from `min` to `max`."""

    select: OneOrMore = Field(
        description="Clusters to choose from: a selector, or a list of which any may match."
    )
    count: HowMany | None = Field(
        default=None,
        description="Number of clusters: a number, a percentage of the selected ones such as 50%, "
        "or all.",
    )
    min: PositiveInt | None = Field(default=None, description="Minimum number. Default: 1.")
    max: PositiveInt | None = Field(default=None, description="Maximum number. Default: all.")

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """Either `count`, or a range."""
        return (
            {
                "if": rules.given("count"),
                "then": rules.none_of("min", "max"),
                "else": rules.any_of("min", "max"),
            },
        )

    @model_validator(mode="after")
    def _one_way(self) -> "AnyOfPart":
        ranged = self.min is not None or self.max is not None
        if (self.count is not None) == ranged:
            raise invalid("an anyOf must have either `count`, or `min` or `max` or both")
        if self.min is not None and self.max is not None and self.max < self.min:
            raise invalid("`max` must be at least `min`")
        return self


class AllOfPart(SelectorPart):
    """Every cluster that the selector matches or, with only `anyOf` set, the best of some."""

    any_of: AnyOfPart | None = Field(default=None, description="The best of the selected clusters.")

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """A selector or an `anyOf`."""
        return (rules.needs(["anyOf"], rules.none_of("names", "except")),)

    @model_validator(mode="after")
    def _either(self) -> "AllOfPart":
        selects = self.match_labels or self.match_expressions or self.excluded
        if self.any_of is not None and (selects or self.names is not None):
            raise invalid("an entry of allOf must be either a selector or an anyOf")
        return self


class TolerationPart(Part):
    """Tolerates taints (Kubernetes: core/v1 Toleration)."""

    key: LabelKey | None = Field(default=None, description="Key of the taint. Default: all keys.")
    operator: Literal["Equal", "Exists"] = Field(
        default="Equal", description="Whether the value must be equal, or any value is tolerated."
    )
    value: str = Field(default="", description="Value of the taint, for Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Effect of the taint. Default: all effects."
    )

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """All keys need Exists, which takes no value."""
        return (
            {"if": rules.none_of("key"), "then": rules.has("operator", "Exists")},
            {
                "if": rules.has("operator", "Exists"),
                "then": {"properties": {"value": {"maxLength": 0}}},
            },
        )

    @model_validator(mode="after")
    def _fits(self) -> "TolerationPart":
        if self.key is None and self.operator != "Exists":
            raise invalid("a toleration without `key` must have operator Exists")
        if self.value and self.operator == "Exists":
            raise invalid("a toleration with operator Exists must not have `value`")
        return self


class UsersPart(Part):
    """A location of users."""

    name: Name = Field(description="Name of the location; clusters report latencies by this name.")
    latitude: Annotated[Number, Field(ge=-90, le=90)] = Field(
        description="Latitude in degrees north."
    )
    longitude: Annotated[Number, Field(ge=-180, le=180)] = Field(
        description="Longitude in degrees east."
    )
    weight: PositiveInt = Field(
        default=1, description="Number of users relative to other locations."
    )


class AffinityPart(Part):
    """Affinity or anti-affinity to another component."""

    component: Name = Field(description="The other component.")
    application: ApplicationName | None = Field(
        default=None, description="Application of the component. Default: this application."
    )
    topology_key: ClusterLabel | None = Field(
        default=None,
        description="Cluster label that defines the domain. Default: the same cluster.",
    )
    apart: bool = Field(default=False, description="Anti-affinity instead of affinity.")
    required: bool = Field(
        default=True,
        description="Whether it must be satisfied; otherwise it counts in the score `affinity`.",
    )


class SpreadPart(Part):
    """Spreads clusters over the values of a cluster label."""

    topology_key: ClusterLabel = Field(description="Cluster label, such as region.")
    max_skew: PositiveInt = Field(
        default=1, description="Maximum difference between the cluster counts of two values."
    )
    min_domains: PositiveInt = Field(default=1, description="Minimum number of values in use.")


class WeightPart(Part):
    """The weight of some clusters when replicas are distributed."""

    clusters: SelectorPart = Field(description="Clusters with this weight.")
    weight: NonNegativeInt = Field(description="Weight; clusters that no entry matches have 1.")


class ReplicasPart(Part):
    """The distribution of a workload's replicas."""

    kind: Literal["Deployment", "StatefulSet", "ReplicaSet"] = Field(
        default="Deployment", description="Kind of the workload."
    )
    name: str = Field(description="Name of the workload.")
    total: NonNegativeInt = Field(
        description="Total number of replicas; number on each cluster for `duplicated`."
    )
    divide: Literal["duplicated", "weighted", "capacity"] = Field(
        description="The same number on each cluster, or in proportion to weights or capacity."
    )
    weights: list[WeightPart] = Field(default=[], description="Weights for `weighted`.")

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """Weights are for `weighted`."""
        return ({"if": rules.filled("weights"), "then": rules.has("divide", "weighted")},)

    @model_validator(mode="after")
    def _weights_fit(self) -> "ReplicasPart":
        if self.weights and self.divide != "weighted":
            raise invalid("`weights` require `divide: weighted`")
        return self


class WorkloadPart(Part):
    """A workload of a component."""

    kind: Literal["Deployment", "StatefulSet", "ReplicaSet"] = Field(
        default="Deployment", description="Kind of the workload."
    )
    name: str = Field(description="`metadata.name` of the workload.")


class ExceptionPart(Part):
    """A temporary deviation from the placement: added or removed clusters, or replicas."""

    components: Annotated[list[Name], Field(min_length=1)] = Field(description="Components.")
    add: list[ClusterName] = Field(
        default=[],
        description="Additional clusters; they do not count towards choices. All rules except the "
        "selectors apply.",
    )
    remove: list[ClusterName] = Field(
        default=[], description="Clusters to leave; takes precedence over `add` and `allOf`."
    )
    replicas: NonNegativeInt | None = Field(
        default=None,
        description="Replicas of the workload on each of `clusters`; takes precedence over "
        "customisations and placement.",
    )
    clusters: SelectorPart | None = Field(
        default=None, description="Clusters for `replicas`. Default: all clusters."
    )
    workload: WorkloadPart | None = Field(
        default=None,
        description="Workload for `replicas`. Default: the Deployment with the component's name.",
    )
    until: Moment | None = Field(
        default=None,
        description="Time of expiry (RFC 3339), after which it has no effect and may be deleted. "
        "Default: no expiry.",
    )
    reason: str = Field(description="Reason shown in explanations.")

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """It changes something."""
        return (
            {"anyOf": [rules.filled("add"), rules.filled("remove"), rules.given("replicas")]},
            rules.needs(["clusters", "workload"], rules.given("replicas")),
        )

    @model_validator(mode="after")
    def _says_something(self) -> "ExceptionPart":
        if not self.add and not self.remove and self.replicas is None:
            raise invalid("an exception must have `add`, `remove` or `replicas`")
        both = sorted(set(self.add) & set(self.remove))
        if both:
            raise invalid(f"{both[0]!r} is in both `add` and `remove`")
        if self.replicas is None and (self.clusters is not None or self.workload is not None):
            raise invalid("`clusters` and `workload` require `replicas`")
        return self


class PlacementPart(Part):
    """Where components run: on every cluster that `allOf` matches and on the best of `anyOf`."""

    components: Annotated[list[Name], Field(min_length=1)] = Field(description="Components.")
    all_of: list[AllOfPart] = Field(
        default_factory=list,
        description="Every cluster that one of these matches; an entry may be an `anyOf`.",
    )
    any_of: AnyOfPart | None = Field(default=None, description="The best of the selected clusters.")
    excluded: SelectorPart | None = Field(
        default=None, alias="except", description="Excluded clusters."
    )
    requires: list[str] = Field(default=[], description="Required capabilities of the cluster.")
    tolerations: list[TolerationPart] = Field(default=[], description="Tolerated taints.")
    users: list[UsersPart] = Field(default=[], description="Locations of users.")
    max_distance: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="Maximum distance to the nearest users, in kilometres."
    )
    max_latency: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="Maximum average latency to the users, in milliseconds."
    )
    affinity: list[AffinityPart] = Field(default=[], description="Affinities to other components.")
    spread: list[SpreadPart] = Field(default=[], description="Spread over the values of labels.")
    prefer: dict[Preference, PositiveInt] = Field(
        default={},
        description=f"Scores and their weights: {', '.join(SCORES)}.",
    )
    move_threshold: Annotated[int, Field(ge=0, le=100)] = Field(
        default=10, description="Score gain (of 100) that justifies moving a running component."
    )
    replicas: ReplicasPart | None = Field(default=None, description="Distribution of replicas.")

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """It selects clusters; distances need users."""
        return (
            {"anyOf": [rules.filled("allOf"), rules.given("anyOf")]},
            rules.needs(["maxDistance", "maxLatency"], rules.filled("users")),
        )

    @model_validator(mode="after")
    def _somewhere(self) -> "PlacementPart":
        if not self.all_of and self.any_of is None:
            raise invalid("a placement must have `allOf`, `anyOf` or both")
        near = self.max_distance is not None or self.max_latency is not None
        if near and not self.users:
            raise invalid("`maxDistance` and `maxLatency` require `users`")
        return self
