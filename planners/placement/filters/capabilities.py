"""Required capabilities: devices, CPU features and the like."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.arrays import Mask
from planners.placement.filters import Filter, Request, Verdict

NONE = "no capabilities"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Admits clusters that have every capability the intent requires."""

    name: str = "capabilities"
    summary: str = "needs capabilities that the cluster lists"
    order: int = 50
    required: bool = True

    def admits(self, request: Request) -> Mask:
        """Where no capability is missing."""
        required = frozenset(request.intent.requires)
        every = request.columns.classes("capabilities", lambda cluster: cluster.capabilities)
        return every.where(required.issubset)

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether no capability is missing; the verdict lists the missing ones."""
        missing = sorted(set(request.intent.requires) - cluster.capabilities)
        seen = ", ".join(sorted(cluster.capabilities)) or NONE
        needed = ", ".join(missing or sorted(request.intent.requires)) or NONE
        return Verdict(self.name, not missing, seen, needed)


FILTER: Filter = Capabilities()
