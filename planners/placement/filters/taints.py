"""Taints and tolerations, with the semantics of Kubernetes.

NoExecute also applies to running components: they move once their replacement is ready. NoSchedule
applies to new ones only. PreferNoSchedule affects the score and not admission.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from planners.model import Cluster, Taint, TaintEffect
from planners.placement.arrays import Mask
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class Taints:
    """Admits clusters without an untolerated taint that applies."""

    name: str = "taints"
    summary: str = "tolerates the taints of the cluster"
    order: int = 40
    required: bool = False

    def admits(self, request: Request) -> Mask:
        """Where every applicable taint is tolerated."""
        taints = request.columns.classes("taints", lambda cluster: cluster.taints)
        found = taints.where(lambda every: not self._applying(request, every, running=False))
        if found.all():
            return found
        kept = taints.where(lambda every: not self._applying(request, every, running=True))
        return found | (kept & request.running_on)

    @staticmethod
    def _applying(request: Request, taints: Sequence[Taint], *, running: bool) -> list[Taint]:
        """The taints that apply and are not tolerated."""
        return [
            taint
            for taint in taints
            if (
                taint.effect is TaintEffect.NO_EXECUTE
                or (taint.effect is TaintEffect.NO_SCHEDULE and not running)
            )
            and not any(each.tolerates(taint) for each in request.intent.tolerations)
        ]

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether every applicable taint is tolerated; the verdict names the first that is not."""
        running = request.running(cluster)
        for taint in self._applying(request, cluster.taints, running=running):
            needed = f"a toleration for {taint}"
            return Verdict(self.name, admitted=False, seen=f"taint {taint}", needed=needed)
        return Verdict(self.name, admitted=True, seen="no untolerated taint", needed="tolerations")


FILTER: Filter = Taints()
