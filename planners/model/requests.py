"""What the pods of rendered objects request, as the planners take it from the renderers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Amounts = Mapping[str, int]
ReplicaCounts = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class WorkloadRequests:
    """The pods of one object: how many it states, and what each requests.

    Amounts are nano-units by resource, `pods` among them.
    """

    kind: str
    name: str
    pods: int
    per_pod: Amounts


def total_requests(
    workloads: Sequence[WorkloadRequests], replicas: ReplicaCounts
) -> dict[str, int]:
    """What workloads request together; `replicas` overrides what (kind, name) states itself."""
    total: dict[str, int] = {}
    for each in workloads:
        count = replicas.get((each.kind, each.name), each.pods)
        for resource, amount in each.per_pod.items():
            total[resource] = total.get(resource, 0) + amount * count
    return total
