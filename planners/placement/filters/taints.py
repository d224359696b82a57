"""Taints and tolerations, with the semantics of Kubernetes.

NoExecute also applies to running components: they move once their replacement is ready. NoSchedule
applies to new ones only. PreferNoSchedule affects the score and not admission.
"""

from dataclasses import dataclass

from planners.model import Cluster, TaintEffect
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class Taints:
    """Admits clusters without an untolerated taint that applies."""

    name: str = "taints"
    summary: str = "tolerates the taints of the cluster"
    order: int = 40
    required: bool = False

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether every applicable taint is tolerated; the verdict names the first that is not."""
        for taint in cluster.taints:
            applies = taint.effect is TaintEffect.NO_EXECUTE or (
                taint.effect is TaintEffect.NO_SCHEDULE and not request.running(cluster)
            )
            if applies and not any(each.tolerates(taint) for each in request.intent.tolerations):
                needed = f"a toleration for {taint}"
                return Verdict(self.name, admitted=False, seen=f"taint {taint}", needed=needed)
        return Verdict(self.name, admitted=True, seen="no untolerated taint", needed="tolerations")


FILTER: Filter = Taints()
