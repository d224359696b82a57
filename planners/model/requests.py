"""The resource requests of rendered workloads, as the renderers pass them to the planners."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planners.model import Target

Amounts = Mapping[str, int]
"""Nano-units by Kubernetes resource name."""

ReplicaCounts = Mapping[Target, int]
"""Replicas by workload."""


@dataclass(frozen=True, slots=True)
class WorkloadRequests:
    """The pods of one object: the number it states, and the requests of each, `pods` included."""

    workload: Target
    pods: int
    per_pod: Amounts


def total_requests(
    workloads: Sequence[WorkloadRequests], replicas: ReplicaCounts
) -> dict[str, int]:
    """The sum of the workloads' requests; `replicas` overrides the counts they state."""
    total: dict[str, int] = {}
    for each in workloads:
        count = replicas.get(each.workload, each.pods)
        for resource, amount in each.per_pod.items():
            total[resource] = total.get(resource, 0) + amount * count
    return total
