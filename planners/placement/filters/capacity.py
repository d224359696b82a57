"""A component goes where what it requests is free, after all claims of all applications."""

from dataclasses import dataclass

from planners.model import Cluster, quantities
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class Capacity:
    """Admits clusters with room for all requests; what runs already is not evicted for room."""

    name: str = "capacity"
    summary: str = "fits into the free resources of the cluster"
    order: int = 80
    required: bool = True

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether every resource suffices; the verdict shows the first that does not."""
        allocation = request.allocation
        for resource, amount in sorted(request.requests.get(cluster.name, {}).items()):
            found = allocation.free(cluster, resource)
            if found is None or found.value >= amount or amount == 0:
                continue
            if request.running(cluster):
                return Verdict(self.name, admitted=True, seen="runs there", needed="to stay")
            others = allocation.claimants(cluster.name, resource)
            taken = f"; {', '.join(others)} claim some" if others else ""
            free = quantities.write(max(found.value, 0))
            return Verdict(
                self.name,
                admitted=False,
                seen=f"{resource} {free} free ({found.source}{taken})",
                needed=f"{resource} {quantities.write(amount)}",
            )
        return Verdict(self.name, admitted=True, seen="enough room", needed="what it requests")


FILTER: Filter = Capacity()
