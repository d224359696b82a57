"""Prefers clusters with much room left."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.filters import Request
from planners.placement.scores import BEST, Points, Score, unknown


@dataclass(frozen=True, slots=True)
class Headroom:
    """By the share of CPU and memory that is left when the component is there, the scarcer one."""

    name: str = "headroom"
    summary: str = "clusters with much free CPU and memory"
    subject: str = ""
    depends_on_choice: bool = False

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:  # noqa: ARG002 - the Protocol's arguments
        """From capacity and free resources after all claims."""
        shares = []
        for resource in ("cpu", "memory"):
            free, capacity = (
                request.allocation.free(cluster, resource),
                cluster.capacity.get(resource),
            )
            if free is not None and capacity:
                left = free.value - request.requests.get(cluster.name, {}).get(resource, 0)
                shares.append((max(left, 0) / capacity, resource, free.source))
        if not shares:
            return unknown("capacity")
        share, resource, source = min(shares)
        value = min(round(BEST * share, 2), BEST)
        return Points(value, f"{value:g}% of {resource} left ({source})")


SCORE: Score = Headroom()
