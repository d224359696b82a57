"""Maintenance: cordoned clusters accept no new components, drained ones keep none."""

from dataclasses import dataclass

from planners.model import Cluster, Maintenance
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class UnderMaintenance:
    """Rejects drained clusters, and cordoned ones unless the component already runs there."""

    name: str = "maintenance"
    summary: str = "avoids clusters under maintenance"
    order: int = 30
    required: bool = False

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether the cluster's maintenance state permits the component."""
        state = cluster.maintenance
        admitted = state is Maintenance.NONE or (
            state is Maintenance.CORDONED and request.running(cluster)
        )
        return Verdict(self.name, admitted, state.value, "no maintenance")


FILTER: Filter = UnderMaintenance()
