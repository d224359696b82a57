"""Keeps what runs: a component moves only for a gain beyond the intent's threshold."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.filters import Request
from planners.placement.scores import BEST, Points, Score


@dataclass(frozen=True, slots=True)
class Steady:
    """100 where the component runs already, 0 elsewhere; its weight is the threshold."""

    name: str = "steady"

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:  # noqa: ARG002 - the Protocol's arguments
        """100 or 0."""
        if request.running(cluster):
            return Points(BEST, "runs there")
        return Points(0.0, "does not run there")


SCORE: Score = Steady()
