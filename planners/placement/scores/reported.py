"""Custom scores from the clusters' reports of facts."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.arrays import Floats
from planners.placement.facts import age
from planners.placement.filters import Request
from planners.placement.scores import BEST, Points, Score, one_by_one, unknown


@dataclass(frozen=True, slots=True)
class Reported:
    """`reported/<name>`: the score of that name in the cluster's newest report of facts."""

    name: str = "reported"
    summary: str = "clusters that report a high score of that name"
    subject: str = "name"
    depends_on_choice: bool = False

    def values(self, request: Request, subject: str) -> Floats:
        """The reported numbers, limited to 0..100."""
        key = ("reported", subject)
        return request.columns.keep(key, lambda: one_by_one(self, request, subject))

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:
        """The reported number, limited to 0..100."""
        allocation = request.allocation
        reported = allocation.facts.get(cluster.name)
        if reported is None or subject not in reported.scores:
            return unknown(f"reported {subject}")
        value = round(min(max(reported.scores[subject], 0.0), BEST), 2)
        return Points(value, f"{subject} {age(reported, allocation.snapshot.now)}")


SCORE: Score = Reported()
