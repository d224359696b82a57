"""Prefers topology domains in which the component has few clusters."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.filters import Request
from planners.placement.scores import Points, Score, falling, unknown

HALF = 1.0


@dataclass(frozen=True, slots=True)
class SpreadScore:
    """`spread/<label>`: scores the component's clusters with the same value of that label."""

    name: str = "spread"
    summary: str = "clusters whose value of the label the component uses least"
    subject: str = "label"
    depends_on_choice: bool = True

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:
        """100 for an unused domain, 50 for one with one cluster, and so on."""
        domain = cluster.labels.get(subject)
        if domain is None:
            return unknown(f"label {subject}")
        count = request.allocation.domain_counts(request.component.name, subject)[domain]
        count -= cluster.name in request.allocation.clusters_of.get(request.component.name, ())
        return Points(falling(count, HALF), f"{count} other clusters with {subject}={domain}")


SCORE: Score = SpreadScore()
