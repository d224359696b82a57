"""Affinity and anti-affinity to other components, on the cluster or in its topology domain."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.affinity import (
    apart_from,
    describe,
    neighbours,
    required_affinities,
)
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class RequiredAffinity:
    """Admits clusters that satisfy all required affinities.

    In a choice, `on: sameCluster` dependencies are affinities too. Rules by which other components
    stay apart from this one count as well.
    """

    name: str = "affinity"
    summary: str = "runs with some components and apart from others"
    order: int = 70
    required: bool = False

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether all rules are satisfied; the verdict names the first that is not."""
        component, application = request.component, request.allocation.snapshot.application
        own = required_affinities(component, request.intent, choosing=request.choosing)
        for rule in (*own, *apart_from(application, component.name)):
            if request.jointly and request.allocation.is_own(rule.application):
                continue
            hosts = neighbours(request.allocation, rule, component.name, cluster)
            if rule.apart and hosts:
                seen = f"{rule.component} on {hosts[0]}"
                return Verdict(self.name, admitted=False, seen=seen, needed=f"no {describe(rule)}")
            if not rule.apart and not hosts:
                seen = f"no {rule.component}"
                return Verdict(self.name, admitted=False, seen=seen, needed=describe(rule))
        return Verdict(self.name, admitted=True, seen="affinities satisfied", needed="affinities")


FILTER: Filter = RequiredAffinity()
