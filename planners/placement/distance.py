"""How far it is from users to a cluster, and how long it takes."""

import math
from collections.abc import Sequence

from planners.model import Cluster, Location, UserPlace
from planners.model.snapshot import ReportedFacts
from planners.placement.facts import SourcedValue

EARTH_RADIUS = 6371.0088
KILOMETRES_PER_MILLISECOND = 100.0


def distance(place: UserPlace, location: Location) -> float:
    """Great-circle kilometres, rounded to 100 m (haversine on the mean radius of the Earth)."""
    here, there = math.radians(place.latitude), math.radians(location.latitude)
    turn = math.radians(location.longitude - place.longitude)
    half = (
        math.sin((there - here) / 2) ** 2
        + math.cos(here) * math.cos(there) * math.sin(turn / 2) ** 2
    )
    return round(2 * EARTH_RADIUS * math.asin(math.sqrt(min(1.0, half))), 1)


def nearest(users: Sequence[UserPlace], cluster: Cluster) -> tuple[float, str] | None:
    """Kilometres to the nearest place of users, and its name; None where a location is unknown."""
    location = cluster.location
    if location is None or not users:
        return None
    return min((distance(place, location), place.name) for place in users)


def latency(
    users: Sequence[UserPlace], cluster: Cluster, reported: ReportedFacts | None
) -> SourcedValue[float] | None:
    """Milliseconds (round trip) on the average of the users, each place by its weight.

    Measured where the cluster reported it; else estimated from the distance at 100 km a millisecond
    there and back, the speed of light in fibre. None where neither is known for some place.
    """
    total, weights, measured = 0.0, 0, 0
    for place in users:
        found = reported.latency.get(place.name) if reported is not None else None
        if found is not None:
            measured += 1
        elif cluster.location is not None:
            found = distance(place, cluster.location) / KILOMETRES_PER_MILLISECOND
        else:
            return None
        total += found * place.weight
        weights += place.weight
    if not weights:
        return None
    source = f"measured for {measured} of {len(users)} places" if measured else "by distance"
    return SourcedValue(round(total / weights, 2), source)
