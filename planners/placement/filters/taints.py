"""Taints keep components away that do not tolerate them (Kubernetes: taints and tolerations).

NoExecute counts for what runs as well: it moves away, once its replacement is ready. NoSchedule
counts for what is new. PreferNoSchedule is a matter of rank, not of admission.
"""

from dataclasses import dataclass

from planners.model import Cluster, TaintEffect
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class Taints:
    """Admits clusters all of whose taints are tolerated, or do not count here."""

    name: str = "taints"
    summary: str = "tolerates the taints of the cluster"
    order: int = 40
    required: bool = False

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether every taint that counts is tolerated; the verdict shows the first that is not."""
        for taint in cluster.taints:
            counts = taint.effect is TaintEffect.NO_EXECUTE or (
                taint.effect is TaintEffect.NO_SCHEDULE and not request.running(cluster)
            )
            if counts and not any(each.tolerates(taint) for each in request.intent.tolerations):
                needed = f"a toleration of {taint}"
                return Verdict(self.name, admitted=False, seen=f"taint {taint}", needed=needed)
        return Verdict(self.name, admitted=True, seen="tolerated", needed="tolerations")


FILTER: Filter = Taints()
