"""What a seed decides: the rule, the fleet, the people, and the signals with what spoils them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from planners.model import (
    AnyOf,
    Application,
    Cluster,
    ClusterCount,
    PlacementIntent,
    Policy,
    Target,
)
from planners.model.rules import FAILOVER, Action, AutomaticRule, FailoverRule, Rule
from planners.model.selectors import Selector
from planners.model.signals import SignalKey, SignalKind
from planners.model.tenant import Tenant
from tests.fakes.builders import component

MINUTE = timedelta(minutes=1)
EVERYWHERE = Selector()
ABOVE, BELOW = 10.0, 4.0
FAR = 5
"""Minutes that samples of the future are ahead."""
PEOPLE = ("at once", "slow", "closing", "absent")
SHAPES = ("noise", "steps", "high", "ramp", "spikes")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What stands in documents, and how people are; `quota` is of pods in a namespace."""

    application: Application
    fleet: tuple[Cluster, ...]
    policies: tuple[Policy, ...]
    count: int
    people: str
    tenant: Tenant
    quota: int = 0

    @property
    def rule(self) -> Rule | None:
        """The application's rule, if any."""
        return next(iter(self.application.rules), None)

    @property
    def failover(self) -> FailoverRule | None:
        """What the policy says of clusters that fail, if anything."""
        return next((rule for policy in self.policies for rule in policy.failover), None)


def scenario(random: Random) -> Scenario:
    """Documents that are drawn."""
    rule = _rule(random) if random.random() < 0.8 else None
    size, demand = random.randint(3, 6), rule is not None and rule.action is Action.ON_DEMAND
    fleet = tuple(Cluster(f"c{number}", "flux") for number in range(1, size + 1))
    count = 0 if demand else random.randint(1, 2)
    intent = (
        PlacementIntent(("web",), all_of=(EVERYWHERE,))
        if demand
        else PlacementIntent(("web",), any_of=AnyOf((EVERYWHERE,), ClusterCount(count, count)))
    )
    rules = (rule,) if rule is not None else ()
    made = Application("storefront", "shop", (component("web"),), (intent,), rules=rules)
    failover = (_failover(random),) if rule is None or random.random() < 0.2 else ()
    permitted = tuple(_permitted(random, made, fleet)) if random.random() < 0.7 else ()
    policy = Policy("elastic", failover=failover, automatic=permitted)
    quota = random.choice((0, 0, 3, 4, 5))
    tenant = Tenant("shop", "shop", quota={"pods": str(quota)} if quota else {})
    return Scenario(made, fleet, (policy,), count, random.choice(PEOPLE), tenant, quota)


def _rule(random: Random) -> Rule:
    action = random.choice((Action.ADD_CLUSTERS, Action.SET_REPLICAS, Action.ON_DEMAND))
    kind = random.choice((SignalKind.METRIC, SignalKind.ALERT, SignalKind.METRIC))
    if action is Action.ON_DEMAND:
        kind = SignalKind.DEMAND
    alert, pace = kind is SignalKind.ALERT, random.choice((2, 4))
    rule = Rule(
        "lunch",
        ("web",),
        SignalKey(kind, "web"),
        action,
        above=0.5 if alert else ABOVE,
        below=0.5 if alert else BELOW,
        hold=random.choice((1, 2, 3)) * MINUTE,
        cooldown=(pace + random.choice((1, 4))) * MINUTE,
        pace=pace * MINUTE,
        max_age=random.choice((2, 3, 5)) * MINUTE,
    )
    if action is Action.ADD_CLUSTERS:
        return replace(rule, most=random.randint(1, 3))
    if action is Action.SET_REPLICAS:
        return replace(rule, workload=Target("Deployment", "web"), replicas=(3, 4, 6))
    return rule


def _failover(random: Random) -> FailoverRule:
    after, pace = random.choice((5, 10)), random.choice((4, 8))
    return FailoverRule(
        EVERYWHERE,
        after * MINUTE,
        quorum=random.choice((50, 60)),
        max_share=random.choice((25, 34, 50)),
        pace=pace * MINUTE,
        fenced=random.random() < 0.5,
    )


def _permitted(
    random: Random, made: Application, fleet: tuple[Cluster, ...]
) -> Iterator[AutomaticRule]:
    names = tuple(each.name for each in fleet)
    some = Selector(names=names[: random.randint(2, len(names))])
    for name in (*(rule.name for rule in made.rules), FAILOVER):
        clusters, most = random.choice((EVERYWHERE, some)), random.randint(1, 3)
        yield AutomaticRule(made.name, name, clusters, most, random.randint(1, 6))


@dataclass(frozen=True, slots=True)
class Reading:
    """A sample that a source hands over `late` minutes after its time."""

    value: float | None
    at: timedelta
    late: int = 0


class Signal:
    """One signal: what it truly is each minute, and what of that arrives."""

    def __init__(self, random: Random, *, alert: bool) -> None:
        self.random = random
        self._alert = alert
        self._shape = random.choice(SHAPES)
        self._period = random.randint(4, 25)
        self._noise = random.choice((0.0, 1.0, 8.0))
        self._trouble = random.choice((0.0, 0.1, 0.3, 0.6))
        self._gap = 0

    def truth(self, minute: int) -> float:
        """What it is."""
        at, period = minute % (2 * self._period), self._period
        match self._shape:
            case "noise":
                value = self.random.uniform(0, 20)
            case "steps":
                value = 16.0 if at < period else 1.0
            case "high":
                value = 16.0
            case "ramp":
                value = 20.0 * abs(period - at) / period
            case _:
                value = 18.0 if at % 7 == 0 else 2.0
        value = max(0.0, value + self.random.uniform(-self._noise, self._noise))
        return float(value > ABOVE) if self._alert else value

    def readings(self, minute: int) -> Iterator[Reading]:
        """What a source hands over for a minute: nothing, once, twice, late, or wrong."""
        random, value = self.random, self.truth(minute)
        at = timedelta(minutes=minute)
        if self._gap:
            self._gap -= 1
            return
        if random.random() >= self._trouble:
            yield Reading(value, at)
            return
        match random.randrange(8):
            case 0:
                self._gap = random.randint(1, 8)
            case 1:
                yield Reading(random.choice((math.nan, math.inf, None)), at)
            case 2:
                yield Reading(value, at, random.randint(1, 4))
            case 3:
                yield from (Reading(value, at), Reading(random.choice((0.0, 20.0)), at))
            case 4:
                yield Reading(value, at + timedelta(seconds=random.randint(-29, 29)))
            case 5:
                yield Reading(random.choice((0.0, 20.0)), at + FAR * MINUTE)
                yield Reading(value, at)
            case 6:
                yield Reading(random.choice((0.0, 20.0)), at - random.randint(1, 20) * MINUTE)
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Faults:
    """How likely each fault is in a minute."""

    database: float
    stall: float
    stale: float
    down: float
    silence: float
    blindness: float
    failure: float

    @classmethod
    def of(cls, random: Random) -> "Faults":
        """Faults that are drawn: in many series none of a kind."""

        def rate(most: float) -> float:
            return random.choice((0.0, 0.0, most / 3, most))

        return cls(
            database=rate(0.05),
            stall=rate(0.1),
            stale=rate(0.1),
            down=rate(0.05),
            silence=rate(0.06),
            blindness=rate(0.03),
            failure=rate(0.04),
        )
