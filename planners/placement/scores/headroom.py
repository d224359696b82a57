"""Prefers clusters with much free capacity."""

from dataclasses import dataclass

import numpy as np

from planners.model import Cluster
from planners.placement.arrays import Floats, IntColumn, rounded
from planners.placement.filters import Request
from planners.placement.scores import BEST, Points, Score, unknown

RESOURCES = ("cpu", "memory")


@dataclass(frozen=True, slots=True)
class Headroom:
    """Scores the share of CPU or memory left after placement, whichever is lower."""

    name: str = "headroom"
    summary: str = "clusters with much free CPU and memory"
    subject: str = ""
    depends_on_choice: bool = False

    def values(self, request: Request, subject: str) -> Floats:  # noqa: ARG002 - see below
        """Uses capacity and the free resources after all claims."""
        allocation, requests = request.allocation, request.requests
        everywhere = np.arange(len(request.columns))
        lowest = np.full(len(everywhere), np.nan)
        for resource in RESOURCES:
            left = allocation.left(resource).copy()
            left.subtract(everywhere, requests.codes, requests.amounts(resource))
            shares = left.shares(self._capacity(request, resource))
            shares[~allocation.supply.stock(resource).known] = np.nan
            lowest = np.fmin(lowest, shares)
        points = np.minimum(rounded(BEST * lowest), BEST)
        return np.where(np.isnan(points), 0.0, points)

    @staticmethod
    def _capacity(request: Request, resource: str) -> IntColumn:
        columns = request.columns
        return columns.keep(
            ("capacity", resource),
            lambda: IntColumn([each.capacity.get(resource, 0) for each in columns.clusters]),
        )

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:  # noqa: ARG002 - the Protocol's arguments
        """Uses capacity and the free resources after all claims."""
        shares = []
        for resource in RESOURCES:
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
        return Points(value, f"{value:g}% of {resource} free after placement ({source})")


SCORE: Score = Headroom()
