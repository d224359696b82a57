"""Prefers clusters on which the component's requests cost little."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement import facts
from planners.placement.filters import Request
from planners.placement.scores import Points, Score, falling, unknown

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

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:  # noqa: ARG002 - the Protocol's arguments
        """Uses the reported price, else that of the fleet repo."""
        allocation = request.allocation
        known = facts.price(cluster, allocation.facts.get(cluster.name), allocation.snapshot.now)
        if known is None:
            return unknown("price")
        requests = request.requests.get(cluster.name, {})
        cpus, gibs = requests.get("cpu", 0) / CPU, requests.get("memory", 0) / GIB
        if not cpus and not gibs:
            cpus, gibs = 1.0, float(GIB_PER_CPU)
        hour = cpus * known.value.cpu_hour + gibs * known.value.memory_gib_hour
        rate = hour / max(cpus, gibs / GIB_PER_CPU)
        inputs = f"{hour:.4g} per hour, {rate:.4g} per CPU with {GIB_PER_CPU} GiB ({known.source})"
        return Points(falling(rate, HALF), inputs)


SCORE: Score = Cost()
