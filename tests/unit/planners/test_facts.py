"""What a report can claim, measured against what the fleet repo declares."""

from datetime import UTC, datetime, timedelta

import pytest

from planners.model import Cluster, Location, Price, UserPlace
from planners.model.snapshot import ReportedFacts
from planners.placement import distance, facts

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DECLARED = Cluster(
    "one", "flux", location=Location(52.5, 13.4), price=Price(0.04, 0.004), carbon=400.0
)
UNDECLARED = Cluster("one", "flux")
USERS = (UserPlace("tokyo", 35.7, 139.7, 1),)


def reported(**values: object) -> ReportedFacts:
    return ReportedFacts(at=NOON - timedelta(minutes=3), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cluster", "claimed", "counts", "source"),
    [
        (DECLARED, 0.0, 100.0, "reported 3m ago, limited by the fleet repo"),
        (DECLARED, 99.0, 100.0, "reported 3m ago, limited by the fleet repo"),
        (DECLARED, 100.0, 100.0, "reported 3m ago"),
        (DECLARED, 2000.0, 2000.0, "reported 3m ago"),
        (UNDECLARED, 0.0, 75.0, "reported 3m ago, limited, as the fleet repo declares none"),
        (UNDECLARED, 75.0, 75.0, "reported 3m ago"),
    ],
)
def test_carbon_is_at_least_a_quarter_of_what_is_declared(
    cluster: Cluster, claimed: float, counts: float, source: str
) -> None:
    assert facts.carbon(cluster, reported(carbon=claimed), NOON) == facts.SourcedValue(
        counts, source
    )


def test_each_price_is_at_least_a_quarter_of_what_is_declared() -> None:
    free = reported(price=Price(0.0, 0.003))
    known = facts.price(DECLARED, free, NOON)
    assert known == facts.SourcedValue(
        Price(0.01, 0.003), "reported 3m ago, limited by the fleet repo"
    )
    assert facts.price(UNDECLARED, free, NOON) == facts.SourcedValue(
        Price(0.0125, 0.003125), "reported 3m ago, limited, as the fleet repo declares none"
    )


def test_no_round_trip_is_faster_than_light_in_fibre() -> None:
    near = distance.latency(USERS, DECLARED, reported(latency={"tokyo": 1.0}))
    far = distance.latency(USERS, DECLARED, None)
    assert near is not None
    assert far is not None
    assert near.value == far.value > 80
    anywhere = distance.latency(USERS, UNDECLARED, reported(latency={"tokyo": 0.0}))
    assert anywhere == facts.SourcedValue(12.5, "measured for 1 of 1 locations")
    slow = distance.latency(USERS, DECLARED, reported(latency={"tokyo": 250.0}))
    assert slow == facts.SourcedValue(250.0, "measured for 1 of 1 locations")


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (timedelta(minutes=9), "reported just now"),
        (timedelta(seconds=1), "reported just now"),
        (timedelta(), "reported just now"),
        (timedelta(seconds=-59), "reported just now"),
        (timedelta(minutes=-3), "reported 3m ago"),
    ],
)
def test_an_age_is_never_negative(ahead: timedelta, text: str) -> None:
    assert facts.age(ReportedFacts(at=NOON + ahead), NOON) == text
