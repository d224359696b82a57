"""Prefers clusters with a low latency to the users."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement import distance, facts
from planners.placement.arrays import Floats
from planners.placement.filters import Request
from planners.placement.scores import Points, Score, falling, one_by_one, unknown

HALF = facts.TYPICAL_LATENCY


@dataclass(frozen=True, slots=True)
class Latency:
    """Scores the users' weighted average round-trip time; 50 ms score 50."""

    name: str = "latency"
    summary: str = "clusters near the users, by round-trip time"
    subject: str = ""
    depends_on_choice: bool = False

    def values(self, request: Request, subject: str) -> Floats:  # noqa: ARG002 - see below
        """Uses measured latencies, else estimates from the distance."""
        key = ("latency", request.intent.users)
        return request.columns.keep(key, lambda: one_by_one(self, request, ""))

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:  # noqa: ARG002 - the Protocol's arguments
        """Uses measured latencies, else estimates from the distance."""
        reported = request.allocation.facts.get(cluster.name)
        known = distance.latency(request.intent.users, cluster, reported)
        if known is None:
            return unknown("latency")
        return Points(falling(known.value, HALF), f"{known.value:g} ms ({known.source})")


SCORE: Score = Latency()
