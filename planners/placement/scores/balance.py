"""Prefers clusters that host few components."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.filters import Request
from planners.placement.scores import Points, Score, falling

HALF = 10.0


@dataclass(frozen=True, slots=True)
class Balance:
    """By the number of components of all applications that are placed there; 10 score 50."""

    name: str = "balance"
    summary: str = "clusters that host few components"
    subject: str = ""
    depends_on_choice: bool = False

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:  # noqa: ARG002 - the Protocol's arguments
        """From the ledger and from what this plan has placed so far."""
        count = request.allocation.units_on(cluster.name)
        return Points(falling(count, HALF), f"{count} components there")


SCORE: Score = Balance()
