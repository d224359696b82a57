"""The models of rules, in applications and policies."""

from typing import Annotated

from pydantic import Field, model_validator

from bot.documents import schema_rules
from bot.documents.models.common import Part, PositiveInt
from bot.documents.types import (
    ApplicationName,
    Duration,
    Name,
    Number,
    SelectorPart,
    ServerAddress,
    TenantName,
    Timezone,
    invalid,
)
from planners.model.rules import FAILOVER
from planners.model.schedule import Schedule

MOST_STEPS, MOST_RULES = 20, 50
Percent = Annotated[int, Field(ge=1, le=100)]
AlertName = Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_-]{0,99}$")]


class SchedulePart(Part):
    """A recurring period."""

    cron: str = Field(description='When it begins, as in crontab(5): "0 8 * * mon-fri".')
    duration: Duration = Field(description="How long it is open, at most 168h.")
    timezone: Timezone = Field(
        default="UTC", description="IANA name of the time zone of `cron`, such as Europe/Berlin."
    )

    @model_validator(mode="after")
    def _valid(self) -> "SchedulePart":
        try:
            self.value().check()
        except ValueError as error:
            raise invalid(str(error)) from None
        return self

    def value(self) -> Schedule:
        """The value of the planners' model."""
        return Schedule(" ".join(self.cron.split()), self.duration, self.timezone)


SIGNALS = ("alert", "metric", "demand", "load", "schedule")


class SignalPart(Part):
    """What a rule watches; exactly one key."""

    alert: AlertName | None = Field(
        default=None, description="An alert of that name: 1 while it fires, else 0."
    )
    metric: Name | None = Field(default=None, description="The query of that name in a policy.")
    demand: Name | None = Field(
        default=None, description="Demand that clusters report, by component or place."
    )
    load: Name | None = Field(
        default=None, description="Utilisation of a component that clusters report; 1.0 is full."
    )
    schedule: SchedulePart | None = Field(
        default=None, description="A recurring period: 1 while it is open, else 0."
    )

    @classmethod
    def json_rules(cls) -> tuple[schema_rules.Schema, ...]:
        """Exactly one key."""
        return (schema_rules.exactly_one(SIGNALS),)

    @model_validator(mode="after")
    def _exactly_one(self) -> "SignalPart":
        if sum(getattr(self, each) is not None for each in SIGNALS) != 1:
            raise invalid(f"a signal must have exactly one of {', '.join(SIGNALS)}")
        return self

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off, so that it needs no thresholds."""
        return self.alert is not None or self.schedule is not None


class AddClustersPart(Part):
    """Run on more clusters."""

    clusters: SelectorPart | None = Field(
        default=None,
        description="The clusters that may be added. Default: those that the placement selects.",
    )
    most: Annotated[int, Field(ge=1, le=MOST_STEPS)] = Field(
        default=1, description="The most clusters that are added, one in each step."
    )


class RuleWorkloadPart(Part):
    """A workload of the components."""

    kind: str = Field(default="Deployment", description="Kind of the workload.")
    name: str = Field(description="`metadata.name` of the workload.")


class SetReplicasPart(Part):
    """Run more replicas on each cluster."""

    workload: RuleWorkloadPart = Field(description="The workload.")
    steps: Annotated[
        list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=MOST_STEPS)
    ] = Field(description="Replicas on each cluster after the first step, the second, and so on.")


class RulePart(Part):
    """When the placement of components changes by itself."""

    name: Name = Field(description="Name, unique in the application.")
    components: Annotated[list[Name], Field(min_length=1)] = Field(
        description="Components that it is about."
    )
    signal: SignalPart = Field(description="What it watches.")
    above: Number | None = Field(
        default=None,
        description="It begins when the signal has been over this value for `for`. Required, "
        "except for alerts and schedules.",
    )
    below: Number | None = Field(
        default=None,
        description="It ends when the signal has not been over this value for `for`. Default: "
        "`above`.",
    )
    hold: Duration | None = Field(
        default=None,
        alias="for",
        description="How long the signal must be over or under a threshold. Default: 2m.",
    )
    cooldown: Duration | None = Field(
        default=None, description="Time between changes in different directions. Default: 10m."
    )
    pace: Duration | None = Field(
        default=None, description="Time between steps in the same direction. Default: 5m."
    )
    max_age: Duration | None = Field(
        default=None,
        description="Older samples are no data, and nothing changes. Default: 5m for metrics and "
        "schedules, 15m for what clusters report, 5h for alerts.",
    )
    on_demand: bool = Field(
        default=False,
        description="The components run only where the signal of the cluster is over the "
        "threshold, of the clusters that their placement selects.",
    )
    add_clusters: AddClustersPart | None = Field(
        default=None, description="The components run on more clusters."
    )
    set_replicas: SetReplicasPart | None = Field(
        default=None, description="A workload has more replicas."
    )

    @classmethod
    def json_rules(cls) -> tuple[schema_rules.Schema, ...]:
        """Exactly one action; thresholds for what is more than on or off."""
        on_demand = schema_rules.given("onDemand") | {"properties": {"onDemand": {"const": True}}}
        others = [schema_rules.given(key) for key in ("addClusters", "setReplicas")]
        switch = {"properties": {"signal": schema_rules.any_of("alert", "schedule")}}
        no_threshold = schema_rules.none_of("above", "below")
        return (
            {"oneOf": [on_demand, *others]},
            {"if": switch, "then": no_threshold, "else": schema_rules.given("above")},
            {"not": schema_rules.has("name", FAILOVER)},
        )

    @model_validator(mode="after")
    def _valid(self) -> "RulePart":
        actions = (self.on_demand or None, self.add_clusters, self.set_replicas)
        if sum(each is not None for each in actions) != 1:
            raise invalid("a rule must have exactly one of onDemand, addClusters, setReplicas")
        if self.signal.is_switch != (self.above is None):
            raise invalid("`above` is required, except for alerts and schedules, which are 0 or 1")
        above, below = self.above or 0, self.above if self.below is None else self.below
        if below is not None and (self.signal.is_switch or below > above):
            raise invalid("`below` must not be higher than `above`, and needs it")
        if self.name == FAILOVER:
            raise invalid(f"rule name {self.name!r} is reserved")
        return self


class FailoverPart(Part):
    """When components leave clusters that fail."""

    clusters: SelectorPart = Field(
        default_factory=SelectorPart, description="The class of clusters. Default: all clusters."
    )
    after: Duration = Field(
        description="How long a cluster must have been silent (beyond the maximum age of its "
        "reports), or have said that it fails, while the service could hear it."
    )
    quorum: Percent = Field(
        default=60,
        description="Percentage of all clusters that must be heard; with fewer nothing moves.",
    )
    max_share: Percent = Field(
        default=25,
        description="Percentage of the class that may fail; with more nothing moves. One of three "
        "clusters is 33.",
    )
    pace: Duration | None = Field(
        default=None, description="Time between two clusters that come back. Default: 10m."
    )
    fenced: bool = Field(
        default=False,
        description="Whether something outside makes sure that a silent cluster runs nothing, so "
        "that components that run on one cluster only may move without a person.",
    )


class QueryPart(Part):
    """A query to Prometheus that rules may watch."""

    name: Name = Field(description="Name, by which rules watch it.")
    address: ServerAddress = Field(
        alias="at", description="Scheme, host and port of the server, such as `https://x.example`."
    )
    query: Annotated[str, Field(pattern=r"^[^\x00-\x08]{1,4000}$")] = Field(
        description="PromQL expression with one value, such as `sum(rate(requests_total[5m]))`."
    )
    tenants: list[TenantName] = Field(
        default=[], description="Tenants whose rules may watch it. Default: every tenant."
    )
    private_network: bool = Field(
        default=False, description="Whether the server may have an address in a private network."
    )


class AutomaticPart(Part):
    """A rule whose merge requests need no person."""

    application: ApplicationName = Field(description="The registered application.")
    rule: Name = Field(description="The rule of the application, or `failover`.")
    clusters: SelectorPart = Field(description="Waves that change other clusters need a person.")
    max_clusters: PositiveInt = Field(
        default=1, description="Waves that change more clusters need a person."
    )
    per_hour: PositiveInt = Field(
        default=4,
        description="After this many decisions of the rule in an hour a person is needed.",
    )
