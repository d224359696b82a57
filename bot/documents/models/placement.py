"""The placement intent, as an application writes it."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from bot.documents.models.common import NonNegativeInt, Part, PositiveInt
from bot.documents.types import (
    HowMany,
    LabelKey,
    Moment,
    Name,
    Number,
    Preference,
    SelectorPart,
    wrong,
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
    """The best of some clusters: `count` of them, or from `min` to `max`."""

    select: OneOrMore = Field(
        description="The clusters to choose from: those that it, or one of a list, selects."
    )
    count: HowMany | None = Field(
        default=None, description="How many: a number, a share of the selected like 50%, or all."
    )
    min: PositiveInt | None = Field(default=None, description="At least so many; 1 if left out.")
    max: PositiveInt | None = Field(default=None, description="At most so many; all if left out.")

    @model_validator(mode="after")
    def _one_way(self) -> "AnyOfPart":
        ranged = self.min is not None or self.max is not None
        if (self.count is not None) == ranged:
            raise wrong("an anyOf says how many: either `count`, or `min` and `max`")
        if self.min is not None and self.max is not None and self.max < self.min:
            raise wrong("`max` must not be less than `min`")
        return self


class AllOfPart(SelectorPart):
    """Every cluster that a selector selects; or, with `anyOf` alone, the best of some."""

    any_of: AnyOfPart | None = Field(default=None, description="The best of some clusters.")

    @model_validator(mode="after")
    def _either(self) -> "AllOfPart":
        selects = self.match_labels or self.match_expressions or self.names or self.excluded
        if self.any_of is not None and selects:
            raise wrong("an entry of allOf is a selector or an anyOf, not both")
        return self


class TolerationPart(Part):
    """Which taints its components put up with (Kubernetes: core/v1 Toleration)."""

    key: LabelKey | None = Field(default=None, description="The taint's key; all if left out.")
    operator: Literal["Equal", "Exists"] = Field(
        default="Equal", description="Whether the value must be equal, or any will do."
    )
    value: str = Field(default="", description="With Equal: the taint's value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="The taint's effect; all if left out."
    )

    @model_validator(mode="after")
    def _fits(self) -> "TolerationPart":
        if self.key is None and self.operator != "Exists":
            raise wrong("a toleration without `key` has operator Exists")
        if self.value and self.operator == "Exists":
            raise wrong("a toleration with operator Exists has no value")
        return self


class UsersPart(Part):
    """Where users are."""

    name: Name = Field(description="What the place is called; clusters report latencies by it.")
    latitude: Annotated[Number, Field(ge=-90, le=90)] = Field(description="Degrees north.")
    longitude: Annotated[Number, Field(ge=-180, le=180)] = Field(description="Degrees east.")
    weight: PositiveInt = Field(default=1, description="How many, against the other places.")


class AffinityPart(Part):
    """With or apart from another component."""

    component: Name = Field(description="The other component.")
    application: Name | None = Field(
        default=None, description="The application it belongs to; this one if left out."
    )
    topology_key: LabelKey | None = Field(
        default=None, description="The cluster label whose value they share; the cluster itself."
    )
    apart: bool = Field(default=False, description="Apart from it instead of with it.")
    required: bool = Field(
        default=True, description="Whether it must hold; otherwise the score `affinity` weighs it."
    )


class SpreadPart(Part):
    """How evenly the values of a cluster label are used."""

    topology_key: LabelKey = Field(description="The cluster label, such as region.")
    max_skew: PositiveInt = Field(
        default=1, description="The most by which the numbers of clusters of two values differ."
    )
    min_domains: PositiveInt = Field(default=1, description="At least so many values are used.")


class WeightPart(Part):
    """The weight of some clusters when replicas are divided."""

    clusters: SelectorPart = Field(description="Which.")
    weight: NonNegativeInt = Field(
        description="Their weight; clusters that no entry selects have 1."
    )


class ReplicasPart(Part):
    """How many replicas of a workload run where."""

    kind: Literal["Deployment", "StatefulSet", "ReplicaSet"] = Field(
        default="Deployment", description="The workload's kind."
    )
    name: str = Field(description="The workload's name.")
    total: NonNegativeInt = Field(description="How many in all; on each cluster when duplicated.")
    divide: Literal["duplicated", "weighted", "capacity"] = Field(
        description="As many on each cluster, by weights, or by what is free."
    )
    weights: list[WeightPart] = Field(default=[], description="With `weighted`: who gets more.")

    @model_validator(mode="after")
    def _weights_fit(self) -> "ReplicasPart":
        if self.weights and self.divide != "weighted":
            raise wrong("`weights` go with `divide: weighted`")
        return self


class WorkloadPart(Part):
    """One workload of a component."""

    kind: Literal["Deployment", "StatefulSet", "ReplicaSet"] = Field(
        default="Deployment", description="Its kind."
    )
    name: str = Field(description="Its metadata.name.")


class ExceptionPart(Part):
    """Where components run otherwise for a time: on more clusters, on fewer, or more often."""

    components: Annotated[list[Name], Field(min_length=1)] = Field(description="Which.")
    add: list[Name] = Field(
        default=[],
        description="Clusters that they run on as well; choices do not count them. Tenant, "
        "maintenance, taints, `requires`, distance, affinity and room must allow it.",
    )
    remove: list[Name] = Field(
        default=[], description="Clusters that they leave; wins over `add` and `allOf`."
    )
    replicas: NonNegativeInt | None = Field(
        default=None,
        description="How many replicas the workload has on each of `clusters`, whatever "
        "customisations and the placement say.",
    )
    clusters: SelectorPart | None = Field(
        default=None, description="With `replicas`: on which clusters; on all if left out."
    )
    workload: WorkloadPart | None = Field(
        default=None,
        description="With `replicas`: which one; the Deployment of the component's name.",
    )
    until: Moment | None = Field(
        default=None,
        description="When it is over (RFC 3339): then it changes nothing and may be deleted; "
        "never if left out.",
    )
    reason: str = Field(description="Why, for those who wonder.")

    @model_validator(mode="after")
    def _says_something(self) -> "ExceptionPart":
        if not self.add and not self.remove and self.replicas is None:
            raise wrong("an exception has `add`, `remove` or `replicas`")
        both = sorted(set(self.add) & set(self.remove))
        if both:
            raise wrong(f"{both[0]!r} is both added and removed")
        if self.replicas is None and (self.clusters is not None or self.workload is not None):
            raise wrong("`clusters` and `workload` go with `replicas`")
        return self


class PlacementPart(Part):
    """Where components run: on every cluster that `allOf` selects and on the best of `anyOf`."""

    components: Annotated[list[Name], Field(min_length=1)] = Field(description="Which.")
    all_of: list[AllOfPart] = Field(
        default_factory=list,
        description="Every cluster that one of these selects; an entry may be an `anyOf`.",
    )
    any_of: AnyOfPart | None = Field(default=None, description="The best of some clusters.")
    excluded: SelectorPart | None = Field(
        default=None, alias="except", description="Never on these."
    )
    requires: list[str] = Field(default=[], description="Capabilities that a cluster must have.")
    tolerations: list[TolerationPart] = Field(default=[], description="Taints to put up with.")
    users: list[UsersPart] = Field(default=[], description="Where the users are.")
    max_distance: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="Kilometres to the nearest users, at most."
    )
    max_latency: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="Milliseconds to the users on average, at most."
    )
    affinity: list[AffinityPart] = Field(default=[], description="With or apart from others.")
    spread: list[SpreadPart] = Field(default=[], description="How evenly labels are used.")
    prefer: dict[Preference, PositiveInt] = Field(
        default={},
        description=f"Scores and their weights: {', '.join(SCORES)}.",
    )
    move_threshold: Annotated[int, Field(ge=0, le=100)] = Field(
        default=10, description="Points of 100 by which a cluster must be better to move there."
    )
    replicas: ReplicasPart | None = Field(default=None, description="How replicas are divided.")

    @model_validator(mode="after")
    def _somewhere(self) -> "PlacementPart":
        if not self.all_of and self.any_of is None:
            raise wrong("a placement needs allOf, anyOf or both")
        near = self.max_distance is not None or self.max_latency is not None
        if near and not self.users:
            raise wrong("`maxDistance` and `maxLatency` need `users`")
        return self
