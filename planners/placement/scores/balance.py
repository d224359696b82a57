"""Prefers clusters that run few components."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.arrays import Floats
from planners.placement.filters import Request
from planners.placement.scores import Points, Score, all_falling, falling

HALF = 10.0


@dataclass(frozen=True, slots=True)
class Balance:
    """Scores the number of components of all applications on the cluster; 10 score 50."""

    name: str = "balance"
    summary: str = "clusters that host few components"
    subject: str = ""
    depends_on_choice: bool = False

    def values(self, request: Request, subject: str) -> Floats:  # noqa: ARG002 - see below
        """Counts the claims of other applications and the assignments so far."""
        return all_falling(request.allocation.unit_counts, HALF)

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:  # noqa: ARG002 - the Protocol's arguments
        """Counts the claims of other applications and the assignments so far."""
        count = request.allocation.unit_count(cluster.name)
        return Points(falling(count, HALF), f"{count} components placed there")


SCORE: Score = Balance()
