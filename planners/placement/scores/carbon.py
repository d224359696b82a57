"""Prefers clusters with a low current carbon intensity."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement import facts
from planners.placement.arrays import Floats
from planners.placement.filters import Request
from planners.placement.scores import Points, Score, falling, one_by_one, unknown

HALF = facts.TYPICAL_CARBON


@dataclass(frozen=True, slots=True)
class Carbon:
    """Scores grams of CO2 equivalent per kWh; 300 score 50."""

    name: str = "carbon"
    summary: str = "clusters with a low carbon intensity"
    subject: str = ""
    depends_on_choice: bool = False

    def values(self, request: Request, subject: str) -> Floats:  # noqa: ARG002 - see below
        """Uses the reported carbon intensity, else that of the fleet repo."""
        return request.columns.keep("carbon", lambda: one_by_one(self, request, ""))

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:  # noqa: ARG002 - the Protocol's arguments
        """Uses the reported carbon intensity, else that of the fleet repo."""
        allocation = request.allocation
        known = facts.carbon(cluster, allocation.facts.get(cluster.name), allocation.snapshot.now)
        if known is None:
            return unknown("carbon intensity")
        return Points(falling(known.value, HALF), f"{known.value:g} g/kWh ({known.source})")


SCORE: Score = Carbon()
