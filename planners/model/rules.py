"""Rules: what they say, what state they are in, and what they have decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from planners.model.basics import FilePosition, Target, Unit
from planners.model.selectors import Selector
from planners.model.signals import MAX_AGES, SignalKey

FAILOVER = "failover"
"""The name under which the platform's rule for failing clusters decides; rules cannot have it."""


class Action(StrEnum):
    """What a rule does while it is active."""

    ON_DEMAND = "onDemand"
    ADD_CLUSTERS = "addClusters"
    SET_REPLICAS = "setReplicas"
    FAILOVER = "failover"


@dataclass(frozen=True, slots=True)
class Rule:
    """When the placement of some components changes by itself.

    It becomes active when the signal has been over `above` for `hold`, and is over when it has been
    under `below` for `hold`. Two changes in the same direction are `pace` apart, in different ones
    `cooldown`. `max_age` is how old a sample may be.

    ON_DEMAND: the components run only on clusters whose own signal is active. ADD_CLUSTERS: up to
    `most` more of the clusters that `clusters` selects (None: those of the placement), one by one.
    SET_REPLICAS: `workload` has the replicas of the first, second, ... entry of `replicas`.
    """

    name: str
    components: tuple[str, ...]
    signal: SignalKey
    action: Action
    above: float = 0.5
    below: float = 0.5
    hold: timedelta = timedelta(minutes=2)
    cooldown: timedelta = timedelta(minutes=10)
    pace: timedelta = timedelta(minutes=5)
    max_age: timedelta = timedelta(minutes=5)
    clusters: Selector | None = None
    most: int = 1
    workload: Target | None = None
    replicas: tuple[int, ...] = ()
    position: FilePosition = field(default=FilePosition("switchyard.yaml", 1, 1), compare=False)

    @property
    def steps(self) -> int:
        """The most steps that it takes."""
        match self.action:
            case Action.ADD_CLUSTERS:
                return self.most
            case Action.SET_REPLICAS:
                return len(self.replicas)
            case _:
                return 1

    def signal_on(self, cluster: str) -> SignalKey:
        """Its signal on a cluster (empty: everywhere)."""
        return SignalKey(self.signal.kind, self.signal.name, cluster)

    @staticmethod
    def default_age(signal: SignalKey) -> timedelta:
        """The maximum age of samples where a rule does not say."""
        return MAX_AGES[signal.kind]


@dataclass(frozen=True, slots=True)
class FailoverRule:
    """When components leave clusters of a class (the platform's; part of a policy).

    A cluster must have been silent, or have said that it fails, for `after`; at least `quorum`
    percent of all clusters that ever reported must be heard, and at most `max_share` percent of the
    class may fail. Clusters come back when they are well for as long, one each `pace`. `fenced`:
    something outside makes sure that a silent cluster runs nothing, so that components that must
    run once may move without a person.
    """

    clusters: Selector
    after: timedelta
    quorum: int
    max_share: int
    pace: timedelta
    fenced: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A query to Prometheus that rules may watch by its name; `tenants` empty: those of all.

    `address` is the scheme, host and port of the server, which may be in a private network if
    `private_network` is set. `expression` has one value.
    """

    name: str
    address: str
    expression: str
    tenants: tuple[str, ...] = ()
    private_network: bool = False

    def serves(self, name: str, tenant: str) -> bool:
        """Whether the rules of a tenant may watch it under this name."""
        return self.name == name and (not self.tenants or tenant in self.tenants)


@dataclass(frozen=True, slots=True)
class AutomaticRule:
    """A rule of an application that needs no person, on some clusters and within limits.

    At most `max_clusters` in one wave, and `per_hour` decisions in an hour.
    """

    application: str
    rule: str
    clusters: Selector
    max_clusters: int
    per_hour: int


class Phase(StrEnum):
    """Where a rule is in its life."""

    IDLE = "idle"
    PENDING = "pending"
    ACTIVE = "active"
    RETRACTING = "retracting"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sample that led to a step: its value and time, the threshold, and when it was decided."""

    value: float
    threshold: float
    at: datetime
    decided: datetime


@dataclass(frozen=True, slots=True)
class RuleState:
    """The state of one rule, or of one rule on one cluster.

    `steps` has the evidence of each step that is taken now. `timer` is since when the condition of
    the next change holds, `changed` when the last change was decided (or when the memory of the
    rule begins). `moves` are the decisions of the last hour. `epoch` is the second in which it
    became active, 0 if that is not known. `why` says all this in words. `recalled`: read
    from records, which do not say in which direction the last change went.
    """

    phase: Phase
    changed: datetime
    steps: tuple[Evidence, ...] = ()
    epoch: int = 0
    timer: datetime | None = None
    moves: tuple[datetime, ...] = ()
    why: str = ""
    recalled: bool = False


@dataclass(frozen=True, slots=True)
class RuleKey:
    """Names a state: a rule, and the cluster that it is about (empty: all)."""

    rule: str
    cluster: str = ""


States = Mapping[RuleKey, RuleState]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a rule has decided, as an input of the plan: `steps` of its action, in an epoch.

    `signal` names what it watches. `cluster` is the one that it is about (empty: all).
    """

    rule: str
    action: Action
    epoch: int
    steps: tuple[Evidence, ...]
    signal: str
    cluster: str = ""

    @property
    def key(self) -> RuleKey:
        """The name of its state."""
        return RuleKey(self.rule, self.cluster)

    @property
    def reason(self) -> str:
        """Why, as recorded with the last step."""
        if not self.epoch:
            return "it was there before the rule"
        return reason_of(self.action, self.cluster, self.signal, self.steps[-1])


def reason_of(action: Action, cluster: str, signal: str, evidence: Evidence) -> str:
    """The signal with its value, the threshold that it passed, and how old it was then."""
    if action is Action.FAILOVER:
        return f"{cluster} is silent or fails since {evidence.at:%Y-%m-%d %H:%M} UTC"
    age = max(0, int((evidence.decided - evidence.at).total_seconds()))
    return (
        f"{signal} was {evidence.value:g}, over {evidence.threshold:g}, {age}s old on "
        f"{evidence.decided:%Y-%m-%d at %H:%M:%S} UTC"
    )


@dataclass(frozen=True, slots=True)
class Record:
    """Why a unit is where it is, or as it is: the `step` of a decision, written beside the unit.

    `cluster` is that of the decision: the unit's own, or the one that failed.
    """

    rule: str
    action: Action
    epoch: int
    step: int
    signal: str
    evidence: Evidence
    cluster: str = ""

    @property
    def key(self) -> RuleKey:
        """The name of the state that it is of."""
        return RuleKey(self.rule, self.cluster)


Records = Mapping[Unit, tuple[Record, ...]]
