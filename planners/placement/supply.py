"""What is known before a placement run assigns anything: facts, claims and free resources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np

from planners.model import Cluster, Unit
from planners.model.requests import (
    Amounts,
    ReplicaCounts,
    WorkloadRequests,
    WorkloadTable,
    total_requests,
)
from planners.model.snapshot import ReportedFacts, ResourceClaim, Snapshot
from planners.placement.arrays import Codes, IntColumn, Mask
from planners.placement.columns import Classes, Columns
from planners.placement.facts import BOUNDED, FLEET_REPO, SourcedValue, fresh_facts, source
from planners.placement.request_table import RequestTable

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


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """A resource on every cluster; what is not `known` has no limit.

    Where a resource is not `counted`, the cluster has none of it, whatever is assigned. `amounts`
    are what `Supply.free` finds.
    """

    known: Mask
    counted: Mask
    free: IntColumn
    amounts: Sequence[SourcedValue[int] | None]


@dataclass(frozen=True, slots=True, eq=False)
class _Claims:
    """The claims of a snapshot by cluster, see `Supply`."""

    other: Mapping[str, Mapping[str, Sequence[ResourceClaim]]]
    own: Mapping[str, Sequence[ResourceClaim]]
    merged: Mapping[str, Mapping[str, Amounts]]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "_Claims":
        """Index the claims."""
        own: dict[str, list[ResourceClaim]] = {}
        other: dict[str, dict[str, list[ResourceClaim]]] = {}
        merged: dict[str, dict[str, Amounts]] = {}
        precedence = Precedence(snapshot)
        for claim in snapshot.claims:
            if claim.application == snapshot.application.name:
                for cluster in claim.clusters:
                    own.setdefault(cluster, []).append(claim)
                if claim.merged_at is not None:
                    amounts = dict.fromkeys(claim.clusters, claim.requests)
                    merged.setdefault(claim.component, {}).update(amounts)
            elif precedence.has(claim):
                for cluster in claim.clusters:
                    by_application = other.setdefault(cluster, {})
                    by_application.setdefault(claim.application, []).append(claim)
        return cls(other, own, merged)


@dataclass(slots=True, eq=False)
class Supply:
    """The fleet of one snapshot, shared by all its placement runs.

    `workloads` are the pods of each unit as rendered; none for components without pods. Claims are
    indexed when they are asked for: a trace that is sent to another process goes without them.
    """

    snapshot: Snapshot
    workloads: Mapping[Unit, tuple[WorkloadRequests, ...]]
    columns: Columns = field(init=False)
    facts: Mapping[str, ReportedFacts] = field(init=False)
    _claims: _Claims | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Index the clusters of the snapshot."""
        self.columns = Columns.of(self.snapshot.clusters)
        self.facts = fresh_facts(self.snapshot)

    def __getstate__(self) -> tuple[object, ...]:
        """Everything but the claims, which the snapshot has."""
        return self.snapshot, self.workloads, self.columns, self.facts

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """The same again."""
        self.snapshot, self.workloads, self.columns, self.facts = state
        self._claims = None

    @property
    def claims(self) -> _Claims:
        """The claims of the snapshot."""
        if self._claims is None:
            self._claims = _Claims.of(self.snapshot)
        return self._claims

    @property
    def own_claims(self) -> Mapping[str, Sequence[ResourceClaim]]:
        """This application's claims by cluster."""
        return self.claims.own

    @property
    def other_claims(self) -> Mapping[str, Mapping[str, Sequence[ResourceClaim]]]:
        """Those of other applications that must be respected, by cluster and application."""
        return self.claims.other

    def merged(self, unit: Unit) -> Amounts | None:
        """The resources that a merged unit of the application requests; None for other units."""
        return self.claims.merged.get(unit.component, {}).get(unit.cluster)

    def running_on(self, component: str) -> Mask:
        """Where the component is merged or proposed."""
        return self.columns.keep(("running", component), lambda: self._running_on(component))

    def _running_on(self, component: str) -> Mask:
        proposed = (each.cluster for each in self._proposed if each.component == component)
        return self.columns.where((*self.snapshot.base.entries.on(component), *proposed))

    def is_running(self, unit: Unit) -> bool:
        """Whether a unit of the application is merged or proposed."""
        return unit in self.snapshot.base.entries or unit in self._proposed

    @property
    def _proposed(self) -> frozenset[Unit]:
        def proposed() -> frozenset[Unit]:
            return frozenset[Unit]().union(*(each.units for each in self.snapshot.open_branches))

        return self.columns.keep("proposed", proposed)

    def hosts(self, component: str, application: str) -> Mask:
        """Where another application claims to run a component."""
        return self.columns.where(
            cluster
            for cluster, claims in self.other_claims.items()
            if any(claim.component == component for claim in claims.get(application, ()))
        )

    @property
    def claim_counts(self) -> Codes:
        """The number of other applications' components on each cluster."""

        def counted() -> Codes:
            claims = (self.other_claims.get(name, {}) for name in self.columns.names)
            return np.array([sum(map(len, each.values())) for each in claims], np.intp)

        return self.columns.keep("claim counts", counted)

    def stock(self, resource: str) -> Stock:
        """How much of a resource is free, on every cluster."""
        return self.columns.keep(("stock", resource), lambda: self._stock(resource))

    def _stock(self, resource: str) -> Stock:
        found = [self.free(each, resource) for each in self.columns.clusters]
        return Stock(
            known=np.array([each is not None for each in found], np.bool_),
            counted=np.array(
                [each is not None and each is not NO_STOCK for each in found], np.bool_
            ),
            free=IntColumn([0 if each is None else each.value for each in found]),
            amounts=found,
        )

    def free(self, cluster: Cluster, resource: str) -> SourcedValue[int] | None:
        """The free amount of a resource, after all respected claims; None if unknown.

        A report of free resources already reflects what was merged before its time, once the pods
        are up: only claims that are not older by SETTLING are subtracted, and this application's
        own earlier claims are added back, because the plan assigns them anew. It counts up to the
        declared capacity. An optional resource (a GPU) that the cluster does not state is 0.
        """
        applications = self.other_claims.get(cluster.name, {}).values()
        claims = [claim for each in applications for claim in each]
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
            return SourcedValue(before - _sum(later, resource), told)
        if resource not in cluster.capacity:
            return None if resource in STANDARD_RESOURCES else NO_STOCK
        free = cluster.capacity[resource] - cluster.allocated.get(resource, 0)
        return SourcedValue(free - _sum(claims, resource), FLEET_REPO)

    def claimants(self, cluster: str, resource: str) -> tuple[str, ...]:
        """The other applications that claim a resource, with open merge requests: `shop !3`."""
        claimants = []
        for application, claims in sorted(self.other_claims.get(cluster, {}).items()):
            numbers = sorted({f"!{c.number}" for c in claims if c.merged_at is None})
            if _sum(claims, resource):
                claimants.append(" ".join([application, *numbers]))
        return tuple(claimants)

    def workload_classes(self, component: str) -> Classes:
        """The component's workloads on every cluster; equal variants share one class."""
        return self.columns.keep(("workloads", component), lambda: self._workloads(component))

    def _workloads(self, component: str) -> Classes:
        names, table = self.columns.names, self.workloads
        if isinstance(table, WorkloadTable) and component in table.classes:
            rows = self.columns.keep(
                "rows", lambda: np.array([table.rows[name] for name in names], np.intp)
            )
            found = table.classes[component]
            return Classes(np.asarray(found.codes, np.intp)[rows], tuple(found.distinct))
        by_id: dict[int, tuple[WorkloadRequests, ...]] = {}
        for name in names:
            workloads = table.get(Unit(component, name), ())
            by_id[id(workloads)] = workloads
        index = {each: code for code, each in enumerate(by_id)}
        codes = [index[id(table.get(Unit(component, name), ()))] for name in names]
        return Classes(np.array(codes, np.intp), tuple(by_id.values()))

    def requests(
        self, component: str, replicas: Sequence[ReplicaCounts], rows: Codes
    ) -> RequestTable:
        """The requests of a component on every cluster, where `rows` tells the replicas."""
        workloads = self.workload_classes(component)
        nodes = self.columns.classes("nodes", lambda cluster: cluster.known_nodes)
        codes = (workloads.codes * len(nodes) + nodes.codes) * len(replicas) + rows
        found, inverse = np.unique(codes, return_inverse=True)
        made = []
        for code in found.tolist():
            at, row = divmod(code, len(replicas))
            workload, node = divmod(at, len(nodes))
            made.append(
                total_requests(workloads.distinct[workload], replicas[row], nodes.distinct[node])
            )
        return RequestTable(self.columns, inverse.astype(np.intp), tuple(made))


NO_STOCK = SourcedValue(0, "not on this cluster")


def _sum(claims: Sequence[ResourceClaim], resource: str) -> int:
    return sum(claim.requests.get(resource, 0) for claim in claims)
