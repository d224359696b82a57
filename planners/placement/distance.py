"""Distance and network latency between users and clusters."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from planners.model import Cluster, Location, UserPlace
from planners.model.snapshot import ReportedFacts
from planners.placement.facts import LEAST_PART, TYPICAL_LATENCY, SourcedValue

EARTH_RADIUS = 6371.0088
"""Mean radius in kilometres."""

KILOMETRES_PER_MILLISECOND = 100.0
"""Round trips over fibre: light covers about 200 km in a millisecond, there and back."""


@dataclass(frozen=True, slots=True, order=True)
class UserDistance:
    """The distance from a cluster to a location of users."""

    kilometres: float
    place: str


def distance(place: UserPlace, location: Location) -> float:
    """Great-circle kilometres, rounded to 100 m (haversine formula, mean Earth radius)."""
    here, there = math.radians(place.latitude), math.radians(location.latitude)
    turn = math.radians(location.longitude - place.longitude)
    half = (
        math.sin((there - here) / 2) ** 2
        + math.cos(here) * math.cos(there) * math.sin(turn / 2) ** 2
    )
    return round(2 * EARTH_RADIUS * math.asin(math.sqrt(min(1.0, half))), 1)


def nearest(users: Sequence[UserPlace], cluster: Cluster) -> UserDistance | None:
    """The nearest location of users; None if the cluster's location is unknown."""
    location = cluster.location
    if location is None or not users:
        return None
    return min(UserDistance(distance(place, location), place.name) for place in users)


def latency(
    users: Sequence[UserPlace], cluster: Cluster, reported: ReportedFacts | None
) -> SourcedValue[float] | None:
    """The users' average round-trip time in milliseconds, weighted by location.

    Measured where the cluster reported it, else estimated from the distance at the speed of light
    in fibre, which no measurement is faster than. None if neither is known for some location. A
    cluster without a declared location is not nearer than a quarter of what scores 50.
    """
    total, weights, measured = 0.0, 0, 0
    for place in users:
        milliseconds = reported.latency.get(place.name) if reported is not None else None
        least = TYPICAL_LATENCY * LEAST_PART
        if cluster.location is not None:
            least = distance(place, cluster.location) / KILOMETRES_PER_MILLISECOND
        if milliseconds is not None:
            measured += 1
            milliseconds = max(milliseconds, least)
        elif cluster.location is not None:
            milliseconds = least
        else:
            return None
        total += milliseconds * place.weight
        weights += place.weight
    if not weights:
        return None
    source = (
        f"measured for {measured} of {len(users)} locations"
        if measured
        else "estimated from distance"
    )
    return SourcedValue(round(total / weights, 2), source)
