"""A component goes where its devices, CPU features and other capabilities are."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Admits clusters that have every capability the intent requires."""

    name: str = "capabilities"
    summary: str = "needs capabilities that the cluster lists"
    order: int = 50
    required: bool = True

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether none is missing; the verdict names those that are."""
        missing = sorted(set(request.intent.requires) - cluster.capabilities)
        has = ", ".join(sorted(cluster.capabilities)) or "no capability"
        needed = ", ".join(missing or sorted(request.intent.requires)) or "nothing"
        return Verdict(self.name, not missing, has, needed)


FILTER: Filter = Capabilities()
