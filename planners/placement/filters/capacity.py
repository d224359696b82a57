"""Sufficient free resources, after the claims of all applications."""

from dataclasses import dataclass

import numpy as np

from planners.model import Cluster, Unit, quantities
from planners.placement.arrays import Mask
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class Capacity:
    """Admits clusters with enough of every requested resource.

    Never evicts what runs: what already has as much as it requests is admitted.
    """

    name: str = "capacity"
    summary: str = "fits into the free resources of the cluster"
    order: int = 80
    required: bool = True

    def admits(self, request: Request) -> Mask:
        """Where every resource suffices."""
        allocation, requests = request.allocation, request.requests
        found = np.ones(len(request.columns), np.bool_)
        for resource in requests.resources:
            amounts, codes = requests.amounts(resource), requests.codes
            enough = allocation.left(resource).at_least(codes, amounts)
            enough |= ~allocation.supply.stock(resource).known
            enough |= np.array([not amount for amount in amounts], np.bool_)[codes]
            for at in np.flatnonzero(found & ~enough).tolist():
                unit = Unit(request.component.name, request.columns.names[at])
                enough[at] = allocation.keeps(unit, resource, amounts[codes[at]])
            found &= enough
        return found

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether every resource suffices; the verdict names the first that does not."""
        allocation = request.allocation
        for resource, amount in sorted(request.requests.get(cluster.name, {}).items()):
            free = allocation.free(cluster, resource)
            if free is None or free.value >= amount or amount == 0:
                continue
            if allocation.keeps(Unit(request.component.name, cluster.name), resource, amount):
                continue
            claimants = allocation.supply.claimants(cluster.name, resource)
            claims = f"; claimed by {', '.join(claimants)}" if claimants else ""
            amount_free = quantities.write(max(free.value, 0))
            return Verdict(
                self.name,
                admitted=False,
                seen=f"{resource} {amount_free} free ({free.source}{claims})",
                needed=f"{resource} {quantities.write(amount)}",
            )
        return Verdict(self.name, admitted=True, seen="sufficient capacity", needed="capacity")


FILTER: Filter = Capacity()
