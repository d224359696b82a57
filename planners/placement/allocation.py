"""The board: what is placed where while a plan is made, and what is left on each cluster."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from planners.model import Cluster, Unit
from planners.model.requests import Amounts, ReplicaCounts, WorkloadRequests, total_requests
from planners.model.snapshot import MergeRequestState, ReportedFacts, ResourceClaim, Snapshot
from planners.placement.facts import FLEET_REPO, SourcedValue, age, fresh

ALWAYS_THERE = frozenset({"cpu", "memory", "ephemeral-storage", "pods"})


@dataclass(slots=True)
class Allocation:
    """One plan in the making.

    `running` are the application's units that are merged or proposed. `placed` holds the components
    that this plan has chosen for each cluster so far, `sites` the clusters of each component,
    `taken` what all that requests. `workloads` are the pods of a component on a cluster, as they
    would be rendered there; none where it makes no pods.
    """

    snapshot: Snapshot
    workloads: Mapping[Unit, tuple[WorkloadRequests, ...]]
    facts: Mapping[str, ReportedFacts] = field(init=False)
    running: frozenset[Unit] = field(init=False)
    others: dict[str, dict[str, list[ResourceClaim]]] = field(init=False, default_factory=dict)
    mine: dict[str, list[ResourceClaim]] = field(init=False, default_factory=dict)
    placed: dict[str, set[str]] = field(init=False, default_factory=dict)
    sites: dict[str, set[str]] = field(init=False, default_factory=dict)
    labels: dict[str, Mapping[str, str]] = field(init=False, default_factory=dict)
    taken: dict[str, dict[str, int]] = field(init=False, default_factory=dict)
    _totals: dict[tuple[int, tuple[tuple[tuple[str, str], int], ...]], Amounts] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Read who claims what."""
        snapshot = self.snapshot
        self.facts = fresh(snapshot)
        self.labels = {each.name: each.labels for each in snapshot.clusters}
        proposed = [
            each.branch.units
            for each in snapshot.merge_requests
            if each.branch is not None and each.state is MergeRequestState.OPEN
        ]
        self.running = frozenset(snapshot.base.entries).union(*proposed)
        for claim in snapshot.claims:
            cluster = claim.unit.cluster
            if claim.application == snapshot.application.name:
                self.mine.setdefault(cluster, []).append(claim)
            elif counts(snapshot, claim):
                found = self.others.setdefault(cluster, {})
                found.setdefault(claim.application, []).append(claim)

    def requests(self, unit: Unit, replicas: ReplicaCounts) -> Amounts:
        """What a component requests on a cluster; `replicas` overrides what its objects state.

        Clusters with the same objects share one tuple of workloads, and so one sum.
        """
        workloads = self.workloads.get(unit, ())
        key = (id(workloads), tuple(sorted(replicas.items())))
        if key not in self._totals:
            self._totals[key] = total_requests(workloads, replicas)
        return self._totals[key]

    def place(self, unit: Unit, requests: Amounts) -> None:
        """Choose a cluster for a component."""
        self.placed.setdefault(unit.cluster, set()).add(unit.component)
        self.sites.setdefault(unit.component, set()).add(unit.cluster)
        taken = self.taken.setdefault(unit.cluster, {})
        for resource, amount in requests.items():
            taken[resource] = taken.get(resource, 0) + amount

    def own(self, application: str | None) -> bool:
        """Whether that means the application which is planned."""
        return application is None or application == self.snapshot.application.name

    def hosts(self, component: str, application: str | None) -> frozenset[str]:
        """The clusters with that component: of this plan, or of another application as claimed."""
        if application is None or self.own(application):
            return frozenset(self.sites.get(component, ()))
        return frozenset(
            cluster
            for cluster, found in self.others.items()
            if any(claim.unit.component == component for claim in found.get(application, ()))
        )

    def domains(self, component: str, key: str) -> Counter[str]:
        """How many clusters with each value of a label have the component so far."""
        values = (self.labels[name].get(key) for name in self.sites.get(component, ()))
        return Counter(value for value in values if value is not None)

    def units_on(self, cluster: str) -> int:
        """How many components of all applications are there, this plan's own included."""
        others = self.others.get(cluster, {})
        return sum(map(len, others.values())) + len(self.placed.get(cluster, ()))

    def free(self, cluster: Cluster, resource: str) -> SourcedValue[int] | None:
        """What is left of a resource there, after all claims that count; None where unknown.

        A report of free resources at a time includes what was merged before: only later claims
        are taken off, and what this application merged before is given back, since this plan
        states it anew. A resource that clusters need not have (a GPU) is 0 where nobody names it.
        """
        claims = [each for found in self.others.get(cluster.name, {}).values() for each in found]
        taken = self.taken.get(cluster.name, {}).get(resource, 0)
        reported = self.facts.get(cluster.name)
        if reported is not None and resource in reported.free:
            later = [c for c in claims if c.merged_at is None or c.merged_at > reported.at]
            own = [
                c
                for c in self.mine.get(cluster.name, ())
                if c.merged_at is not None and c.merged_at <= reported.at
            ]
            left = reported.free[resource] + _sum(own, resource) - _sum(later, resource)
            return SourcedValue(left - taken, age(reported, self.snapshot.now))
        if resource not in cluster.capacity:
            return None if resource in ALWAYS_THERE else SourcedValue(0, "not on this cluster")
        left = cluster.capacity[resource] - cluster.allocated.get(resource, 0)
        return SourcedValue(left - _sum(claims, resource) - taken, FLEET_REPO)

    def claimants(self, cluster: str, resource: str) -> tuple[str, ...]:
        """Other applications that claim some of a resource there, with their merge requests."""
        found = []
        for application, claims in sorted(self.others.get(cluster, {}).items()):
            numbers = sorted({f"!{c.number}" for c in claims if c.merged_at is None})
            if _sum(claims, resource):
                found.append(" ".join([application, *numbers]))
        return tuple(found)


def counts(snapshot: Snapshot, claim: ResourceClaim) -> bool:
    """Whether this application has to respect another one's claim.

    A merged claim counts; a proposed one when its application comes first: the higher priority,
    then the older merge request. Of two applications that want the same CPU exactly one sees the
    other's claim.
    """
    if claim.merged_at is not None:
        return True
    open_ones = [
        each.number for each in snapshot.merge_requests if each.state is MergeRequestState.OPEN
    ]
    mine = min(open_ones, default=None)
    priority = snapshot.registration.priority
    if claim.priority != priority:
        return claim.priority > priority
    return mine is None or claim.number < mine


def _sum(claims: Sequence[ResourceClaim], resource: str) -> int:
    return sum(claim.requests.get(resource, 0) for claim in claims)
