"""Facts about clusters, from the fleet repo or from a recent report, with their source.

A report cannot make a cluster much more attractive than the fleet repo says: it has at most the
declared capacity, at least a quarter of the declared price and carbon intensity, and no shorter
round trips than its declared location permits. What the fleet repo does not declare has no bound.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from planners.model import Cluster, Price
from planners.model.snapshot import ReportedFacts, Snapshot

DEFAULT_MAX_AGE = timedelta(minutes=15)
FLEET_REPO = "fleet repo"
LEAST_PART = 0.25
BOUNDED = "limited by the fleet repo"

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
        value = _at_least(reported.carbon, cluster.carbon)
        return SourcedValue(value, source(reported, now, bounded=value != reported.carbon))
    return SourcedValue(cluster.carbon, FLEET_REPO) if cluster.carbon is not None else None


def price(
    cluster: Cluster, reported: ReportedFacts | None, now: datetime
) -> SourcedValue[Price] | None:
    """The hourly prices; None if unknown."""
    if reported is not None and reported.price is not None:
        declared, new = cluster.price, reported.price
        value = Price(
            _at_least(new.cpu_hour, declared.cpu_hour if declared else None),
            _at_least(new.memory_gib_hour, declared.memory_gib_hour if declared else None),
        )
        return SourcedValue(value, source(reported, now, bounded=value != new))
    return SourcedValue(cluster.price, FLEET_REPO) if cluster.price is not None else None


def _at_least(reported: float, declared: float | None) -> float:
    return reported if declared is None else max(reported, declared * LEAST_PART)


def source(reported: ReportedFacts, now: datetime, *, bounded: bool) -> str:
    """The source of a reported value, and whether the fleet repo limits it."""
    return f"{age(reported, now)}, {BOUNDED}" if bounded else age(reported, now)


def age(reported: ReportedFacts, now: datetime) -> str:
    """The age of a report as text: `reported 3m ago`."""
    minutes = int((now - reported.at).total_seconds() // 60)
    return f"reported {minutes}m ago" if minutes > 0 else "reported just now"
