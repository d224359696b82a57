"""Maintenance: cordoned clusters accept no new components, drained ones keep none."""

from dataclasses import dataclass

from planners.model import Cluster, Maintenance
from planners.placement.arrays import Mask
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class UnderMaintenance:
    """Rejects drained clusters, and cordoned ones unless the component already runs there."""

    name: str = "maintenance"
    summary: str = "avoids clusters under maintenance"
    order: int = 30
    required: bool = False

    def admits(self, request: Request) -> Mask:
        """Where the maintenance state permits the component."""
        states = request.columns.classes("maintenance", lambda cluster: cluster.maintenance)
        found = states.equal(Maintenance.NONE)
        cordoned = states.equal(Maintenance.CORDONED)
        return found | (cordoned & request.running_on) if cordoned.any() else found

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether the cluster's maintenance state permits the component."""
        state = cluster.maintenance
        admitted = state is Maintenance.NONE or (
            state is Maintenance.CORDONED and request.running(cluster)
        )
        return Verdict(self.name, admitted, state.value, "no maintenance")


FILTER: Filter = UnderMaintenance()
