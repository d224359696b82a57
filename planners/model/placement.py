"""The placement intent: where components may run, where they had better, and how many times."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from planners.model.basics import Place
from planners.model.fleet import Taint
from planners.model.selectors import Selector


@dataclass(frozen=True, slots=True)
class Count:
    """How many clusters: at least `least`, at most `most` (None: as many as there are).

    With `percent` both follow from the number of selected clusters, rounded up.
    """

    least: int = 1
    most: int | None = None
    percent: int | None = None

    def of(self, selected: int) -> tuple[int, int]:
        """The least and the most of so many selected clusters."""
        if self.percent is not None:
            share = math.ceil(selected * self.percent / 100)
            return share, share
        return self.least, selected if self.most is None else self.most

    def __str__(self) -> str:
        if self.percent is not None:
            return f"{self.percent}%"
        if self.most is None:
            return "all" if self.least <= 1 else f"at least {self.least}"
        return str(self.most) if self.least == self.most else f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """EMCO's anyOf: of the clusters that one of `select` selects, the best `count`."""

    select: tuple[Selector, ...]
    count: Count


@dataclass(frozen=True, slots=True)
class Toleration:
    """Which taints a component puts up with (Kubernetes: core/v1 Toleration)."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    def tolerates(self, taint: Taint) -> bool:
        """As Kubernetes' ToleratesTaint: an empty key with Exists tolerates everything."""
        if self.effect and self.effect != taint.effect:
            return False
        if self.key and self.key != taint.key:
            return False
        if self.operator == "Exists":
            return True
        return bool(self.key) and self.value == taint.value


@dataclass(frozen=True, slots=True)
class UserPlace:
    """Where users are, in degrees; the greater `weight`, the more of them."""

    name: str
    latitude: float
    longitude: float
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Affinity:
    """With or (`apart`) without another component, on the cluster or in the same topology domain.

    `application` names another application (None: this one); `topology_key` is a cluster label
    (None: the cluster itself). One that is not `required` is only preferred.
    """

    component: str
    application: str | None = None
    topology_key: str | None = None
    apart: bool = False
    required: bool = True


@dataclass(frozen=True, slots=True)
class SpreadRule:
    """How evenly the values of a cluster label are used (Kubernetes: topologySpreadConstraints).

    No two domains may differ by more than `max_skew` clusters, and at least `min_domains` are used.
    """

    topology_key: str
    max_skew: int = 1
    min_domains: int = 1


class Division(StrEnum):
    """How replicas are divided over the chosen clusters."""

    DUPLICATED = "duplicated"
    WEIGHTED = "weighted"
    CAPACITY = "capacity"


@dataclass(frozen=True, slots=True)
class ReplicaRule:
    """How many replicas of the workload `kind`/`name` run in all, or (DUPLICATED) on each cluster.

    `weights` count where a selector selects the cluster, the first that does; else 1.
    """

    kind: str
    name: str
    total: int
    division: Division
    weights: tuple[tuple[Selector, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ExceptionRule:
    """What differs from the placement of some components until a time (None: until it is deleted).

    `add` and `remove` name clusters. With `replicas` the workload `kind`/`name` (empty: named as
    the component) has so many on each of `clusters`.
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
    place: Place = field(default=Place("switchyard.yaml", 1, 1), compare=False)

    def holds(self, now: datetime) -> bool:
        """Whether its time has not passed."""
        return self.until is None or now < self.until

    def __str__(self) -> str:
        end = f" until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""
        return f"by an exception{end}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PlacementIntent:
    """Where some components run: every cluster that `all_of` selects, and the best of its anyOfs.

    `requires` are capabilities. Distances are in kilometres to the nearest of the `users`,
    latencies in milliseconds on the weighted average. `prefer` weighs scores by their names.
    `move_threshold` is how many points of 100 another cluster must be better by before what runs is
    moved there.
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
    place: Place = field(default=Place("switchyard.yaml", 1, 1), compare=False)
