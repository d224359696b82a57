"""Prefers topology domains in which the component has few clusters."""

from dataclasses import dataclass

import numpy as np

from planners.model import Cluster
from planners.placement.arrays import Floats
from planners.placement.filters import Request
from planners.placement.scores import Points, Score, all_falling, falling, unknown

HALF = 1.0


@dataclass(frozen=True, slots=True)
class SpreadScore:
    """`spread/<label>`: scores the component's clusters with the same value of that label."""

    name: str = "spread"
    summary: str = "clusters whose value of the label the component uses least"
    subject: str = "label"
    depends_on_choice: bool = True

    def values(self, request: Request, subject: str) -> Floats:
        """Counts the other clusters in each domain."""
        domains = request.columns.label(subject)
        placed = request.allocation.placed(request.component.name)
        counts = np.bincount(domains.codes[placed] + 1, minlength=len(domains) + 1)
        points = all_falling(counts[domains.codes + 1] - placed, HALF)
        points[domains.codes < 0] = 0.0
        return points

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:
        """100 for an unused domain, 50 for one with one cluster, and so on."""
        domain = cluster.labels.get(subject)
        if domain is None:
            return unknown(f"label {subject}")
        count = request.allocation.domain_counts(request.component.name, subject)[domain]
        placed = request.allocation.placed(request.component.name)
        count -= int(placed[request.columns.position[cluster.name]])
        return Points(falling(count, HALF), f"{count} other clusters with {subject}={domain}")


SCORE: Score = SpreadScore()
