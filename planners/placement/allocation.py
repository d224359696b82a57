"""The state of a placement run: assigned units, and the resources left on each cluster."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from planners.model import Cluster, Target, Unit
from planners.model.requests import Amounts, ReplicaCounts, WorkloadRequests, total_requests
from planners.model.snapshot import MergeRequestState, ReportedFacts, ResourceClaim, Snapshot
from planners.placement.facts import BOUNDED, FLEET_REPO, SourcedValue, fresh_facts, source

STANDARD_RESOURCES = frozenset({"cpu", "memory", "ephemeral-storage", "pods", "storage"})
"""Resources that every cluster has, so that an unstated capacity is unknown and not 0."""

SETTLING = timedelta(minutes=15)
"""How long after a merge its pods may be missing in a report of free resources.

Agents look at Git every few minutes, and pods take their time; until then the claim counts.
"""


@dataclass(frozen=True, slots=True)
class Precedence:
    """Which claims of other applications take precedence over the application being planned.

    A merged claim does; a proposed one does if its application has the higher priority, or the same
    priority and the older merge request, or the same number in another deploy repo and the name
    that comes first. Both applications compare the same numbers, the oldest that has claims, so
    that of two that compete for a resource exactly one respects the other's claim.
    """

    snapshot: Snapshot
    oldest: dict[str, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Find the lowest number of each application's open merge requests with claims."""
        for each in self.snapshot.claims:
            if each.merged_at is None:
                number = self.oldest.setdefault(each.application, each.number)
                self.oldest[each.application] = min(number, each.number)

    def has(self, claim: ResourceClaim) -> bool:
        """Whether another application's claim takes precedence."""
        if claim.merged_at is not None:
            return True
        own, priority = self.snapshot.application.name, self.snapshot.registration.priority
        if claim.priority != priority:
            return claim.priority > priority
        other = self.oldest[claim.application], claim.application
        return own not in self.oldest or other < (self.oldest[own], own)


@dataclass(slots=True)
class Allocation:
    """The assignments of one placement run, and the claims of other applications.

    - `workloads`: the pods of each unit as rendered; none for components without pods.
    - `running`: the application's units that are merged or proposed.
    - `own_claims`: this application's claims by cluster; `other_claims`: those of other
      applications that must be respected, by cluster and application.
    - `components_on`, `clusters_of`: this run's assignments, by cluster and by component.
    - `requested`: the resources that these assignments request, by cluster; `by_unit`: each alone.
    - `merged`: the resources that the application's merged units request, by unit.
    """

    snapshot: Snapshot
    workloads: Mapping[Unit, tuple[WorkloadRequests, ...]]
    facts: Mapping[str, ReportedFacts] = field(init=False)
    running: frozenset[Unit] = field(init=False)
    other_claims: dict[str, dict[str, list[ResourceClaim]]] = field(
        init=False, default_factory=dict
    )
    own_claims: dict[str, list[ResourceClaim]] = field(init=False, default_factory=dict)
    components_on: dict[str, set[str]] = field(init=False, default_factory=dict)
    clusters_of: dict[str, set[str]] = field(init=False, default_factory=dict)
    labels: dict[str, Mapping[str, str]] = field(init=False, default_factory=dict)
    requested: dict[str, dict[str, int]] = field(init=False, default_factory=dict)
    by_unit: dict[Unit, dict[str, int]] = field(init=False, default_factory=dict)
    merged: dict[Unit, Amounts] = field(init=False, default_factory=dict)
    _nodes: dict[str, int] = field(init=False, default_factory=dict)
    _totals: dict[tuple[int, int, frozenset[tuple[Target, int]]], Amounts] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Index the claims of the snapshot."""
        snapshot = self.snapshot
        self.facts = fresh_facts(snapshot)
        self._nodes = {each.name: each.known_nodes for each in snapshot.clusters}
        self.labels = {each.name: each.labels for each in snapshot.clusters}
        proposed = [
            each.branch.units
            for each in snapshot.merge_requests
            if each.branch is not None and each.state is MergeRequestState.OPEN
        ]
        self.running = frozenset(snapshot.base.entries).union(*proposed)
        precedence = Precedence(snapshot)
        for claim in snapshot.claims:
            cluster = claim.unit.cluster
            if claim.application == snapshot.application.name:
                self.own_claims.setdefault(cluster, []).append(claim)
                if claim.merged_at is not None:
                    self.merged[claim.unit] = claim.requests
            elif precedence.has(claim):
                by_application = self.other_claims.setdefault(cluster, {})
                by_application.setdefault(claim.application, []).append(claim)

    def requests(self, unit: Unit, replicas: ReplicaCounts) -> Amounts:
        """The requests of a component on a cluster; `replicas` overrides the stated counts.

        Clusters with the same objects share one tuple of workloads, and those with as many nodes
        one sum.
        """
        workloads, nodes = self.workloads.get(unit, ()), self._nodes.get(unit.cluster, 1)
        key = (id(workloads), nodes, frozenset(replicas.items()))
        if key not in self._totals:
            self._totals[key] = total_requests(workloads, replicas, nodes)
        return self._totals[key]

    def assign(self, unit: Unit, requests: Amounts) -> None:
        """Assign the unit's component to its cluster."""
        self.components_on.setdefault(unit.cluster, set()).add(unit.component)
        self.clusters_of.setdefault(unit.component, set()).add(unit.cluster)
        requested = self.requested.setdefault(unit.cluster, {})
        own = self.by_unit.setdefault(unit, {})
        for resource, amount in requests.items():
            requested[resource] = requested.get(resource, 0) + amount
            own[resource] = own.get(resource, 0) + amount

    def keeps(self, unit: Unit, resource: str, amount: int) -> bool:
        """Whether the unit runs there with at least that amount: what runs is not evicted.

        What is only proposed, or grows, must fit like what is new.
        """
        return 0 < amount <= self.merged.get(unit, {}).get(resource, 0)

    def exceeded(self, cluster: Cluster) -> Iterator[str]:
        """The resources of which this run's units request more than is free, by name.

        Not if all of them keep what they have.
        """
        for resource in sorted(self.requested.get(cluster.name, {})):
            free = self.free(cluster, resource)
            units = (Unit(name, cluster.name) for name in self.components_on[cluster.name])
            amounts = {each: self.by_unit[each].get(resource, 0) for each in units}
            kept = all(self.keeps(each, resource, n) for each, n in amounts.items() if n)
            if free is not None and free.value < 0 and not kept:
                yield resource

    def is_own(self, application: str | None) -> bool:
        """Whether the name refers to the application being planned; None does."""
        return application is None or application == self.snapshot.application.name

    def hosts(self, component: str, application: str | None) -> frozenset[str]:
        """The clusters of a component: of this run, or as claimed by another application."""
        if application is None or self.is_own(application):
            return frozenset(self.clusters_of.get(component, ()))
        return frozenset(
            cluster
            for cluster, claims in self.other_claims.items()
            if any(claim.unit.component == component for claim in claims.get(application, ()))
        )

    def domain_counts(self, component: str, key: str) -> Counter[str]:
        """The number of the component's assigned clusters for each value of a cluster label."""
        values = (self.labels[name].get(key) for name in self.clusters_of.get(component, ()))
        return Counter(value for value in values if value is not None)

    def unit_count(self, cluster: str) -> int:
        """The number of components of all applications on a cluster, this run's included."""
        claims = self.other_claims.get(cluster, {})
        return sum(map(len, claims.values())) + len(self.components_on.get(cluster, ()))

    def free(self, cluster: Cluster, resource: str) -> SourcedValue[int] | None:
        """The free amount of a resource, after all respected claims; None if unknown.

        A report of free resources already reflects what was merged before its time, once the pods
        are up: only claims that are not older by SETTLING are subtracted, and this application's
        own earlier claims are added back, because the plan assigns them anew. It counts up to the
        declared capacity. An optional resource (a GPU) that the cluster does not state is 0.
        """
        claims = [
            claim for each in self.other_claims.get(cluster.name, {}).values() for claim in each
        ]
        requested = self.requested.get(cluster.name, {}).get(resource, 0)
        reported = self.facts.get(cluster.name)
        if reported is not None and resource in reported.free:
            reflected = reported.at - SETTLING
            later = [c for c in claims if c.merged_at is None or c.merged_at > reflected]
            own = [
                c
                for c in self.own_claims.get(cluster.name, ())
                if c.merged_at is not None and c.merged_at <= reflected
            ]
            stated = reported.free[resource] + _sum(own, resource)
            before = min(stated, cluster.capacity.get(resource, stated))
            told = source(reported, self.snapshot.now, BOUNDED if before != stated else "")
            return SourcedValue(before - _sum(later, resource) - requested, told)
        if resource not in cluster.capacity:
            unknown = resource in STANDARD_RESOURCES
            return None if unknown else SourcedValue(0, "not on this cluster")
        free = cluster.capacity[resource] - cluster.allocated.get(resource, 0)
        return SourcedValue(free - _sum(claims, resource) - requested, FLEET_REPO)

    def claimants(self, cluster: str, resource: str) -> tuple[str, ...]:
        """The other applications that claim a resource, with open merge requests: `shop !3`."""
        claimants = []
        for application, claims in sorted(self.other_claims.get(cluster, {}).items()):
            numbers = sorted({f"!{c.number}" for c in claims if c.merged_at is None})
            if _sum(claims, resource):
                claimants.append(" ".join([application, *numbers]))
        return tuple(claimants)


def _sum(claims: Sequence[ResourceClaim], resource: str) -> int:
    return sum(claim.requests.get(resource, 0) for claim in claims)
