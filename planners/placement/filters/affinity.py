"""Affinity and anti-affinity to other components, on the cluster or in its topology domain."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planners.model import Affinity, Cluster
from planners.placement.affinity import (
    apart_from,
    describe,
    neighbours,
    required_affinities,
)
from planners.placement.arrays import Mask
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

    def admits(self, request: Request) -> Mask:
        """Where all rules are satisfied."""
        found = np.ones(len(request.columns), np.bool_)
        for rule in self._rules(request):
            near = request.allocation.near(rule, request.component.name)
            found &= ~near if rule.apart else near
        return found

    @staticmethod
    def _rules(request: Request) -> Iterator[Affinity]:
        """The rules that count: those between components do not if a solver decides jointly."""
        component, application = request.component, request.allocation.snapshot.application
        own = required_affinities(component, request.intent, choosing=request.choosing)
        for rule in (*own, *apart_from(application, component.name)):
            if not request.jointly or not request.allocation.is_own(rule.application):
                yield rule

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether all rules are satisfied; the verdict names the first that is not."""
        for rule in self._rules(request):
            hosts = neighbours(request.allocation, rule, request.component.name, cluster)
            if rule.apart and hosts:
                seen = f"{rule.component} on {hosts[0]}"
                return Verdict(self.name, admitted=False, seen=seen, needed=f"no {describe(rule)}")
            if not rule.apart and not hosts:
                seen = f"no {rule.component}"
                return Verdict(self.name, admitted=False, seen=seen, needed=describe(rule))
        return Verdict(self.name, admitted=True, seen="affinities satisfied", needed="affinities")


FILTER: Filter = RequiredAffinity()
