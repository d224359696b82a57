"""The clusters that the tenant may use."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.arrays import Mask
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class TenantClusters:
    """Admits clusters that the tenant's selector matches."""

    name: str = "tenant"
    summary: str = "stays on the clusters of its tenant"
    order: int = 10
    required: bool = False

    def admits(self, request: Request) -> Mask:
        """Where the tenant may run."""
        return request.columns.matching(request.tenant.clusters)

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether the tenant may use the cluster."""
        admitted = request.tenant.clusters.matches(cluster)
        seen = "cluster of the tenant" if admitted else "not a cluster of the tenant"
        needed = f"tenant {request.tenant.name}: {request.tenant.clusters}"
        return Verdict(self.name, admitted, seen, needed)


FILTER: Filter = TenantClusters()
