"""Facts about clusters, from the fleet repo or from a recent report, with their source."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from planners.model import Cluster, Price
from planners.model.snapshot import ReportedFacts, Snapshot

DEFAULT_MAX_AGE = timedelta(minutes=15)
FLEET_REPO = "fleet repo"

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
    """The reported facts that are not older than the maximum age, by cluster."""
    oldest = snapshot.now - max_age(snapshot)
    return {name: each for name, each in snapshot.facts.items() if each.at >= oldest}


def carbon(
    cluster: Cluster, reported: ReportedFacts | None, now: datetime
) -> SourcedValue[float] | None:
    """The carbon intensity in grams of CO2 equivalent per kWh; None if unknown."""
    if reported is not None and reported.carbon is not None:
        return SourcedValue(reported.carbon, age(reported, now))
    return SourcedValue(cluster.carbon, FLEET_REPO) if cluster.carbon is not None else None


def price(
    cluster: Cluster, reported: ReportedFacts | None, now: datetime
) -> SourcedValue[Price] | None:
    """The hourly prices; None if unknown."""
    if reported is not None and reported.price is not None:
        return SourcedValue(reported.price, age(reported, now))
    return SourcedValue(cluster.price, FLEET_REPO) if cluster.price is not None else None


def age(reported: ReportedFacts, now: datetime) -> str:
    """The age of a report as text: `reported 3m ago`."""
    minutes = int((now - reported.at).total_seconds() // 60)
    return f"reported {minutes}m ago" if minutes else "reported just now"
