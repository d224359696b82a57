"""Facts about clusters, from the fleet repo or from a recent report, with their source.

A report cannot make a cluster much more attractive than the fleet repo says: it has at most the
declared capacity, at least a quarter of the declared price and carbon intensity, and no shorter
round trips than its declared location permits. Where the fleet repo declares nothing, a quarter of
what scores 50 alone is the bound. Free resources without a capacity give no points.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from planners.model import Cluster, Price
from planners.model.snapshot import ReportedFacts, Snapshot

DEFAULT_MAX_AGE = timedelta(minutes=15)
AGE_UNIT = timedelta(minutes=1)
"""Ages are told in whole units: between two of them, time changes no explanation."""

FLEET_REPO = "fleet repo"
LEAST_PART = 0.25
BOUNDED = "limited by the fleet repo"
UNDECLARED = "limited, as the fleet repo declares none"
TYPICAL_CARBON = 300.0
TYPICAL_PRICE = Price(0.05, 0.0125)
TYPICAL_LATENCY = 50.0
"""What scores 50, in g/kWh, per hour (for CPU or memory alone) and in milliseconds."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class SourcedValue(Generic[Value]):
    """A value and its source as text: `fleet repo`, or `reported 3m ago`."""

    value: Value
    source: str


def max_age(snapshot: Snapshot) -> timedelta:
    """The maximum age of reported facts: that of the strictest policy, else 15 minutes."""
    ages = [each.facts_max_age for each in snapshot.policies if each.facts_max_age]
    return min(ages, default=DEFAULT_MAX_AGE)


def fresh_facts(snapshot: Snapshot) -> dict[str, ReportedFacts]:
    """The reported facts that are not older than the maximum age, by cluster; none is of later."""
    oldest = snapshot.now - max_age(snapshot)
    return {
        name: replace(each, at=min(each.at, snapshot.now))
        for name, each in snapshot.facts.items()
        if each.at >= oldest
    }


def carbon(
    cluster: Cluster, reported: ReportedFacts | None, now: datetime
) -> SourcedValue[float] | None:
    """The carbon intensity in grams of CO2 equivalent per kWh; None if unknown."""
    if reported is not None and reported.carbon is not None:
        value = _at_least(reported.carbon, cluster.carbon, TYPICAL_CARBON)
        limit = _limit(value != reported.carbon, cluster.carbon)
        return SourcedValue(value, source(reported, now, limit))
    return SourcedValue(cluster.carbon, FLEET_REPO) if cluster.carbon is not None else None


def price(
    cluster: Cluster, reported: ReportedFacts | None, now: datetime
) -> SourcedValue[Price] | None:
    """The hourly prices; None if unknown."""
    if reported is not None and reported.price is not None:
        declared, new = cluster.price or TYPICAL_PRICE, reported.price
        value = Price(
            _at_least(new.cpu_hour, declared.cpu_hour, declared.cpu_hour),
            _at_least(new.memory_gib_hour, declared.memory_gib_hour, declared.memory_gib_hour),
        )
        return SourcedValue(value, source(reported, now, _limit(value != new, cluster.price)))
    return SourcedValue(cluster.price, FLEET_REPO) if cluster.price is not None else None


def _at_least(reported: float, declared: float | None, typical: float) -> float:
    return max(reported, (typical if declared is None else declared) * LEAST_PART)


def _limit(bounded: bool, declared: object) -> str:  # noqa: FBT001 - a condition, no option
    if not bounded:
        return ""
    return UNDECLARED if declared is None else BOUNDED


def source(reported: ReportedFacts, now: datetime, limit: str = "") -> str:
    """The source of a reported value, and what limits it."""
    return f"{age(reported, now)}, {limit}" if limit else age(reported, now)


def age(reported: ReportedFacts, now: datetime) -> str:
    """The age of a report as text: `reported 3m ago`."""
    minutes = (now - reported.at) // AGE_UNIT
    return f"reported {minutes}m ago" if minutes > 0 else "reported just now"
