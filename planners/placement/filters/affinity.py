"""A component runs with some components and apart from others, on the cluster or in its domain."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.affinity import neighbours, required, subject
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class WithOrApart:
    """Obeys every required affinity; `on: sameCluster` dependencies count as one in a choice."""

    name: str = "affinity"
    summary: str = "runs with some components and apart from others"
    order: int = 70
    required: bool = False

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether all hold; the verdict shows the first that does not."""
        for rule in required(request.component, request.intent, choosing=request.choosing):
            if request.jointly and request.allocation.own(rule.application):
                continue
            found = neighbours(request.allocation, rule, cluster)
            if rule.apart and found:
                seen = f"{rule.component} on {found[0]}"
                return Verdict(self.name, admitted=False, seen=seen, needed=f"no {subject(rule)}")
            if not rule.apart and not found:
                seen = f"no {rule.component}"
                return Verdict(self.name, admitted=False, seen=seen, needed=subject(rule))
        return Verdict(self.name, admitted=True, seen="good company", needed="affinities")


FILTER: Filter = WithOrApart()
