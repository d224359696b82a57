"""The placement intent: hard rules, preferences and replica counts of components."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from planners.model.basics import FilePosition, Target
from planners.model.fleet import Taint
from planners.model.selectors import Labelled, Selector


@dataclass(frozen=True, slots=True)
class ClusterCount:
    """How many clusters to choose, from `minimum` to `maximum` (None: all selected clusters).

    With `percent`, both are that share of the selected clusters, rounded up.
    """

    minimum: int = 1
    maximum: int | None = None
    percent: int | None = None

    def minimum_of(self, selected: int) -> int:
        """The minimum for that number of selected clusters."""
        return self.minimum if self.percent is None else self._share(self.percent, selected)

    def maximum_of(self, selected: int) -> int:
        """The maximum for that number of selected clusters."""
        if self.percent is not None:
            return self._share(self.percent, selected)
        return selected if self.maximum is None else self.maximum

    @staticmethod
    def _share(percent: int, selected: int) -> int:
        return math.ceil(selected * percent / 100)

    def __str__(self) -> str:
        if self.percent is not None:
            return f"{self.percent}%"
        if self.maximum is None:
            return "all" if self.minimum <= 1 else f"at least {self.minimum}"
        if self.minimum == self.maximum:
            return str(self.maximum)
        return f"{self.minimum} to {self.maximum}"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The best `count` of the clusters that any of `select` matches (EMCO: anyOf)."""

    select: tuple[Selector, ...]
    count: ClusterCount


@dataclass(frozen=True, slots=True)
class Toleration:
    """The taints that a component tolerates (Kubernetes: core/v1 Toleration)."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    def tolerates(self, taint: Taint) -> bool:
        """Like Kubernetes' ToleratesTaint: an empty key with Exists tolerates every taint."""
        if self.effect and self.effect != taint.effect:
            return False
        if self.key and self.key != taint.key:
            return False
        if self.operator == "Exists":
            return True
        return bool(self.key) and self.value == taint.value


@dataclass(frozen=True, slots=True)
class UserPlace:
    """A location of users, in degrees; `weight` is their number relative to other locations."""

    name: str
    latitude: float
    longitude: float
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Affinity:
    """Affinity, or with `apart` anti-affinity, to a component in the same topology domain.

    `application` names another application (None: this one); `topology_key` is a cluster label
    (None: each cluster is a domain). Without `required` the rule is a preference.
    """

    component: str
    application: str | None = None
    topology_key: str | None = None
    apart: bool = False
    required: bool = True


@dataclass(frozen=True, slots=True)
class SpreadRule:
    """Spreads clusters over the values of a label (Kubernetes: topologySpreadConstraints).

    The cluster counts of two domains differ by at most `max_skew`; at least `min_domains` are used.
    """

    topology_key: str
    max_skew: int = 1
    min_domains: int = 1


class Division(StrEnum):
    """How replicas are distributed over the chosen clusters."""

    DUPLICATED = "duplicated"
    WEIGHTED = "weighted"
    CAPACITY = "capacity"


@dataclass(frozen=True, slots=True)
class ReplicaWeight:
    """The weight of the selected clusters when replicas are distributed."""

    clusters: Selector
    weight: int


@dataclass(frozen=True, slots=True)
class ReplicaRule:
    """The replicas of workload `kind`/`name`: `total` in all, or (DUPLICATED) on each cluster.

    A cluster's weight is that of the first entry of `weights` that selects it, else 1.
    """

    kind: str
    name: str
    total: int
    division: Division
    weights: tuple[ReplicaWeight, ...] = ()

    @property
    def workload(self) -> Target:
        """The workload whose replicas are distributed."""
        return Target(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class ExceptionRule:
    """A deviation from the placement of some components until a time (None: until it is deleted).

    `add` and `remove` name clusters. `replicas` is the replica count of workload `kind`/`name`
    (empty: the component's name) on each of `clusters`. `rule` names the rule that made it, if any.
    """

    components: tuple[str, ...]
    reason: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    replicas: int | None = None
    clusters: Selector = field(default_factory=Selector)
    kind: str = "Deployment"
    name: str = ""
    until: datetime | None = None
    rule: str = ""
    position: FilePosition = field(default=FilePosition("switchyard.yaml", 1, 1), compare=False)

    def holds(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return self.until is None or now < self.until

    def __str__(self) -> str:
        if self.rule:
            return f"by rule {self.rule}: {self.reason}"
        end = f" until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""
        return f"by an exception{end}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PlacementIntent:
    """Where some components run: on every cluster that `all_of` selects, and the best of `any_of`.

    `requires` lists capabilities. `max_distance` is in kilometres to the nearest of the `users`,
    `max_latency` in milliseconds on the weighted average. `prefer` maps scores to weights.
    `move_threshold` is the score gain (of 100 points) that justifies moving a running component.
    """

    components: tuple[str, ...]
    all_of: tuple[Selector | AnyOf, ...] = ()
    any_of: AnyOf | None = None
    excluded: Selector | None = None
    tolerations: tuple[Toleration, ...] = ()
    requires: tuple[str, ...] = ()
    users: tuple[UserPlace, ...] = ()
    max_distance: float | None = None
    max_latency: float | None = None
    affinity: tuple[Affinity, ...] = ()
    spread: tuple[SpreadRule, ...] = ()
    prefer: Mapping[str, int] = field(default_factory=dict)
    move_threshold: int = 10
    replicas: ReplicaRule | None = None
    position: FilePosition = field(default=FilePosition("switchyard.yaml", 1, 1), compare=False)

    @property
    def selectors(self) -> tuple[Selector, ...]:
        """What selects clusters for it: those of `all_of` first."""
        choices = (*self.all_of, *([self.any_of] if self.any_of is not None else []))
        return tuple(
            each
            for choice in choices
            for each in (choice.select if isinstance(choice, AnyOf) else (choice,))
        )

    def selects(self, cluster: Labelled) -> bool:
        """Whether a selector matches a cluster that is not excluded."""
        excluded = self.excluded is not None and self.excluded.matches(cluster)
        return not excluded and any(each.matches(cluster) for each in self.selectors)
