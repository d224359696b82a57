"""Sufficient free resources, after the claims of all applications."""

from dataclasses import dataclass

from planners.model import Cluster, Unit, quantities
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

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether every resource suffices; the verdict names the first that does not."""
        allocation = request.allocation
        for resource, amount in sorted(request.requests.get(cluster.name, {}).items()):
            free = allocation.free(cluster, resource)
            if free is None or free.value >= amount or amount == 0:
                continue
            if allocation.keeps(Unit(request.component.name, cluster.name), resource, amount):
                continue
            claimants = allocation.claimants(cluster.name, resource)
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
