"""A component stays on its tenant's clusters."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class TenantClusters:
    """Admits the clusters that the tenant's selector selects."""

    name: str = "tenant"
    summary: str = "stays on the clusters of its tenant"
    order: int = 10
    required: bool = False

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether the tenant owns the cluster."""
        admitted = request.tenant.clusters.matches(cluster)
        seen = "one of the tenant's clusters" if admitted else "not one of the tenant's clusters"
        needed = f"tenant {request.tenant.name}: {request.tenant.clusters}"
        return Verdict(self.name, admitted, seen, needed)


FILTER: Filter = TenantClusters()
