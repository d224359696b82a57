"""The resource requests of rendered workloads, as the renderers pass them to the planners."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from planners.model import Target, Unit

Amounts = Mapping[str, int]
"""Nano-units by Kubernetes resource name."""

ReplicaCounts = Mapping[Target, int]
"""Replicas by workload."""


@dataclass(frozen=True, slots=True)
class WorkloadRequests:
    """The pods of one object: the number it states, and the requests of each, `pods` included.

    An autoscaler runs at least `minimum` of them, unless there are to be none. With `per_node` each
    node runs one. A volume claim counts as one without `pods`.
    """

    workload: Target
    pods: int
    per_pod: Amounts
    minimum: int = 0
    per_node: bool = False

    def count(self, replicas: ReplicaCounts, nodes: int) -> int:
        """How many of them run; `replicas` overrides the stated count."""
        if self.per_node:
            return nodes
        stated = replicas.get(self.workload, self.pods)
        return max(stated, self.minimum) if stated else 0


def total_requests(
    workloads: Sequence[WorkloadRequests], replicas: ReplicaCounts, nodes: int = 1
) -> dict[str, int]:
    """The sum of the workloads' requests on a cluster with so many nodes."""
    total: dict[str, int] = {}
    for each in workloads:
        count = each.count(replicas, nodes)
        for resource, amount in each.per_pod.items():
            total[resource] = total.get(resource, 0) + amount * count
    return total


@dataclass(frozen=True, slots=True, eq=False)
class WorkloadClasses:
    """The workloads of one component: the distinct ones, and the index of those of each cluster."""

    codes: Sequence[int]
    distinct: Sequence[tuple[WorkloadRequests, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class WorkloadTable(Mapping[Unit, tuple[WorkloadRequests, ...]]):
    """The workloads of every unit; `rows` are the positions of the clusters."""

    rows: Mapping[str, int]
    classes: Mapping[str, WorkloadClasses]

    def __getitem__(self, unit: Unit) -> tuple[WorkloadRequests, ...]:
        found = self.classes[unit.component]
        return found.distinct[found.codes[self.rows[unit.cluster]]]

    def __iter__(self) -> Iterator[Unit]:
        return (Unit(component, name) for component in self.classes for name in self.rows)

    def __len__(self) -> int:
        return len(self.classes) * len(self.rows)
