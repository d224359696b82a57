"""The state of a placement run: assigned units, and the resources left on each cluster."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from planners.model import Affinity, Cluster, Unit
from planners.model.requests import Amounts, ReplicaCounts, WorkloadRequests, total_requests
from planners.model.snapshot import ReportedFacts, Snapshot
from planners.placement.arrays import Codes, IntColumn, Mask
from planners.placement.columns import Columns
from planners.placement.facts import SourcedValue
from planners.placement.request_table import RequestTable
from planners.placement.supply import NO_STOCK, Supply


@dataclass(frozen=True, slots=True, eq=False)
class Assignments:
    """Clusters, by position, to which a component was assigned in one step, and its requests."""

    component: str
    positions: Codes
    codes: Codes
    distinct: tuple[Amounts, ...]

    def requests(self, position: int) -> Amounts:
        """The requests on one of the clusters; none on others."""
        found = self.codes[self.positions == position].tolist()
        return self.distinct[found[0]] if found else {}


class Allocation:
    """The assignments of one placement run, in their order; `supply` is what they use."""

    def __init__(
        self,
        snapshot: Snapshot,
        workloads: Mapping[Unit, tuple[WorkloadRequests, ...]],
        supply: Supply | None = None,
    ) -> None:
        """Start without assignments; runs over one snapshot can share the supply."""
        self.snapshot = snapshot
        self.supply = supply or Supply(snapshot, workloads)
        self._steps: list[Assignments] = []
        self._placed: dict[str, Mask] = {}
        self._left: dict[str, IntColumn] = {}
        self._counts: Codes = self.supply.claim_counts.copy()
        self._more: dict[Unit, dict[str, int]] = {}
        self._totals: dict[tuple[int, int, frozenset[object]], Amounts] = {}

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Allocation)
            and self.snapshot == other.snapshot
            and list(self.units()) == list(other.units())
        )

    __hash__ = None  # type: ignore[assignment] # it changes

    @property
    def columns(self) -> Columns:
        """The clusters of the fleet."""
        return self.supply.columns

    @property
    def facts(self) -> Mapping[str, ReportedFacts]:
        """The fresh reports, by cluster."""
        return self.supply.facts

    @property
    def mark(self) -> int:
        """The number of steps so far."""
        return len(self._steps)

    def anew(self) -> "Allocation":
        """Another run on the same fleet."""
        return Allocation(self.snapshot, self.supply.workloads, self.supply)

    def replay(self, other: "Allocation", mark: int) -> None:
        """Take the steps of another run up to its `mark` that this one lacks."""
        for step in other._steps[self.mark : mark]:  # noqa: SLF001 - of the same class
            self._take(step)

    def requests(self, unit: Unit, replicas: ReplicaCounts) -> Amounts:
        """The requests of a component on a cluster; `replicas` overrides the stated counts.

        Clusters with the same objects share one tuple of workloads, and those with as many nodes
        one sum.
        """
        workloads = self.supply.workloads.get(unit, ())
        at = self.columns.position.get(unit.cluster)
        nodes = 1 if at is None else self.columns.clusters[at].known_nodes
        key = (id(workloads), nodes, frozenset[object](replicas.items()))
        if key not in self._totals:
            self._totals[key] = total_requests(workloads, replicas, nodes)
        return self._totals[key]

    def assign(self, unit: Unit, requests: Amounts) -> None:
        """Assign the unit's component to its cluster, or more resources to both."""
        position = self.columns.position[unit.cluster]
        if self.placed(unit.component)[position]:
            more = self._more.setdefault(unit, {})
            for resource, amount in requests.items():
                more[resource] = more.get(resource, 0) + amount
            self._subtract(np.array([position]), np.zeros(1, np.intp), (requests,))
            return
        zero = np.zeros(1, np.intp)
        self._take(Assignments(unit.component, zero + position, zero, (requests,)))

    def assign_all(self, component: str, positions: Codes, requests: RequestTable) -> None:
        """Assign a component to clusters that it is not assigned to yet."""
        codes = requests.codes[positions]
        self._take(Assignments(component, positions, codes, requests.distinct))

    def _take(self, step: Assignments) -> None:
        self._steps.append(step)
        placed = self._placed.setdefault(step.component, np.zeros(len(self.columns), np.bool_))
        placed[step.positions] = True
        self._counts[step.positions] += 1
        self._subtract(step.positions, step.codes, step.distinct)

    def _subtract(self, positions: Codes, codes: Codes, requests: tuple[Amounts, ...]) -> None:
        if not len(positions):
            return
        for resource in {name for each in requests for name, amount in each.items() if amount}:
            amounts = [each.get(resource, 0) for each in requests]
            self.left(resource).subtract(positions, codes, amounts)

    def left(self, resource: str) -> IntColumn:
        """What is left of a resource; without meaning where the supply is not counted."""
        if resource not in self._left:
            self._left[resource] = self.supply.stock(resource).free.copy()
        return self._left[resource]

    def placed(self, component: str) -> Mask:
        """Where the component is assigned; not to be changed."""
        found = self._placed.get(component)
        return np.zeros(len(self.columns), np.bool_) if found is None else found

    def clusters_of(self, component: str) -> list[str]:
        """The names of the clusters that the component is assigned to, sorted."""
        found = self._placed.get(component)
        return [] if found is None else self.columns.named(found)

    def units(self) -> Iterator[Unit]:
        """All assigned units, sorted."""
        for component in sorted(self._placed):
            for name in self.clusters_of(component):
                yield Unit(component, name)

    def components_on(self, cluster: str) -> list[str]:
        """The components that are assigned to a cluster, sorted."""
        at = self.columns.position[cluster]
        return sorted(name for name, placed in self._placed.items() if placed[at])

    def requested(self, unit: Unit) -> Amounts:
        """What an assigned unit requests."""
        at = self.columns.position[unit.cluster]
        total = dict(self._more.get(unit, {}))
        for step in self._steps:
            if step.component == unit.component:
                for resource, amount in step.requests(at).items():
                    total[resource] = total.get(resource, 0) + amount
        return total

    def keeps(self, unit: Unit, resource: str, amount: int) -> bool:
        """Whether the unit runs there with at least that amount: what runs is not evicted.

        What is only proposed, or grows, must fit like what is new.
        """
        return 0 < amount <= (self.supply.merged(unit) or {}).get(resource, 0)

    def overdrawn(self) -> list[Cluster]:
        """The clusters on which more of some resource is assigned than was free, by name."""
        found = np.zeros(len(self.columns), np.bool_)
        for resource, left in self._left.items():
            found |= left.negative & self.supply.stock(resource).counted
        return [self.columns.clusters[at] for at in np.flatnonzero(found).tolist()]

    def exceeded(self, cluster: Cluster) -> Iterator[str]:
        """The resources of which this run's units request more than is free, by name.

        Not if all of them keep what they have.
        """
        units = [Unit(name, cluster.name) for name in self.components_on(cluster.name)]
        requested = {each: self.requested(each) for each in units}
        for resource in sorted({name for each in requested.values() for name in each}):
            free = self.free(cluster, resource)
            amounts = {unit: each.get(resource, 0) for unit, each in requested.items()}
            kept = all(self.keeps(each, resource, n) for each, n in amounts.items() if n)
            if free is not None and free.value < 0 and not kept:
                yield resource

    def is_own(self, application: str | None) -> bool:
        """Whether the name refers to the application being planned; None does."""
        return application is None or application == self.snapshot.application.name

    def hosts(self, component: str, application: str | None) -> Mask:
        """The clusters of a component: of this run, or as claimed by another application."""
        if application is None or self.is_own(application):
            return self.placed(component)
        return self.supply.hosts(component, application)

    def near(self, rule: Affinity, component: str) -> Mask:
        """The clusters with a host of the rule's component in their topology domain.

        For the component itself, another cluster has to be that host.
        """
        hosts = self.hosts(rule.component, rule.application)
        itself = rule.component == component and self.is_own(rule.application)
        if rule.topology_key is None:
            return np.zeros_like(hosts) if itself else hosts
        domains = self.columns.label(rule.topology_key)
        counts = np.bincount(domains.codes[hosts] + 1, minlength=len(domains) + 1)
        found: Mask = (counts[domains.codes + 1] > (hosts if itself else 0)) & (domains.codes >= 0)
        return found

    def domain_counts(self, component: str, key: str) -> Counter[str]:
        """The number of the component's assigned clusters for each value of a cluster label."""
        domains = self.columns.label(key)
        counts = np.bincount(domains.codes[self.placed(component)] + 1, minlength=1)[1:].tolist()
        return Counter({domains.distinct[at]: n for at, n in enumerate(counts) if n})

    @property
    def unit_counts(self) -> Codes:
        """The number of components of all applications on each cluster; not to be changed."""
        return self._counts

    def unit_count(self, cluster: str) -> int:
        """The number of components of all applications on a cluster, this run's included."""
        return int(self._counts[self.columns.position[cluster]])

    def free(self, cluster: Cluster, resource: str) -> SourcedValue[int] | None:
        """What is left of a resource, see `Supply.free`; None if unknown."""
        at = self.columns.position[cluster.name]
        free = self.supply.stock(resource).amounts[at]
        if free is None or free is NO_STOCK:
            return free
        return SourcedValue(self.left(resource)[at], free.source)
