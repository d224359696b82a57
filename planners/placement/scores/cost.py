"""Prefers clusters on which the component's requests cost little."""

from dataclasses import dataclass

import numpy as np

from planners.model import Cluster
from planners.model.requests import Amounts
from planners.placement import facts
from planners.placement.arrays import Floats
from planners.placement.filters import Request
from planners.placement.scores import Points, Score, all_falling, falling, unknown

CPU = 10**9
GIB = 2**30 * 10**9
GIB_PER_CPU = 4
HALF = facts.TYPICAL_PRICE.cpu_hour


@dataclass(frozen=True, slots=True)
class Cost:
    """Scores the hourly price of the requests for each CPU with 4 GiB; 0.05 scores 50.

    Of CPU and memory the larger part counts, since machines have both. A component without requests
    is priced as one CPU with 4 GiB.
    """

    name: str = "cost"
    summary: str = "clusters where the requested resources cost little"
    subject: str = ""
    depends_on_choice: bool = False

    def values(self, request: Request, subject: str) -> Floats:  # noqa: ARG002 - see below
        """Uses the reported price, else that of the fleet repo."""
        prices = request.columns.keep("prices", lambda: self._prices(request))
        requested = [_requested(each) for each in request.requests.distinct]
        codes = request.requests.codes
        cpus = np.array([each[0] for each in requested], np.float64)[codes]
        gibs = np.array([each[1] for each in requested], np.float64)[codes]
        hour = cpus * prices[0] + gibs * prices[1]
        return all_falling(hour / np.maximum(cpus, gibs / GIB_PER_CPU), HALF)

    @staticmethod
    def _prices(request: Request) -> Floats:
        """The prices of CPU and of memory, on every cluster."""
        reported, now = request.allocation.facts, request.allocation.snapshot.now
        known = (facts.price(e, reported.get(e.name), now) for e in request.columns.clusters)
        rows = [
            (np.nan, np.nan) if each is None else (each.value.cpu_hour, each.value.memory_gib_hour)
            for each in known
        ]
        return np.array(rows, np.float64).reshape(-1, 2).T

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:  # noqa: ARG002 - the Protocol's arguments
        """Uses the reported price, else that of the fleet repo."""
        allocation = request.allocation
        known = facts.price(cluster, allocation.facts.get(cluster.name), allocation.snapshot.now)
        if known is None:
            return unknown("price")
        cpus, gibs = _requested(request.requests[cluster.name])
        hour = cpus * known.value.cpu_hour + gibs * known.value.memory_gib_hour
        rate = hour / max(cpus, gibs / GIB_PER_CPU)
        inputs = f"{hour:.4g} per hour, {rate:.4g} per CPU with {GIB_PER_CPU} GiB ({known.source})"
        return Points(falling(rate, HALF), inputs)


def _requested(requests: Amounts) -> tuple[float, float]:
    """The CPUs and the GiB that count."""
    cpus, gibs = requests.get("cpu", 0) / CPU, requests.get("memory", 0) / GIB
    return (cpus, gibs) if cpus or gibs else (1.0, float(GIB_PER_CPU))


SCORE: Score = Cost()
