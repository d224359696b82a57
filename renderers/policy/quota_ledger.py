"""What a tenant uses of its quota: by this plan, and by the claims of its other applications."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from planners.model import Json
from planners.model.snapshot import Snapshot
from planners.placement.allocation import counts
from renderers.policy.quotas import (
    Usage,
    assumptions,
    missing_amounts,
    quota_problems,
    total,
    usage_of,
)
from renderers.policy.tenancy import namespace_of

Place = tuple[str, str]


@dataclass(slots=True)
class Budget:
    """Use by cluster and namespace; without a quota nothing is counted."""

    snapshot: Snapshot
    used: dict[Place, list[Mapping[str, int]]] = field(default_factory=dict)

    def usage(self, items: Iterable[Mapping[str, Json]]) -> dict[str, Usage]:
        """What some objects use, by namespace. An unreadable quantity is said elsewhere."""
        tenant = self.snapshot.tenant
        found: dict[str, list[Usage]] = {}
        for item in items if self.watched else ():
            namespace = namespace_of(item) or tenant.namespace
            try:
                found.setdefault(namespace, []).append(usage_of(item, tenant.limits))
            except ValueError:
                continue
        return {namespace: total(each) for namespace, each in found.items()}

    def spend(self, cluster: str, usage: Mapping[str, Mapping[str, int]]) -> None:
        """Count what a unit uses."""
        for namespace, amounts in usage.items():
            self.used.setdefault((cluster, namespace), []).append(amounts)

    def refusals(self, item: Mapping[str, Json]) -> Iterator[str]:
        """Why Kubernetes would refuse the object's pods for the quota's sake."""
        if self.watched:
            yield from missing_amounts(item, self.snapshot.tenant)

    def guesses(self, item: Mapping[str, Json]) -> Iterator[str]:
        """What could not be known of the object."""
        if self.watched:
            yield from assumptions(item)

    @property
    def watched(self) -> bool:
        """Whether there is a quota to keep."""
        return bool(self.snapshot.tenant.quota) and not self.snapshot.application.is_tenant_setup

    def problems(self) -> tuple[str, ...]:
        """Where the tenant would use more than its quota, its other applications counted in."""
        tenant, application = self.snapshot.tenant, self.snapshot.application.name
        if not self.watched:
            return ()
        spent = {place: list(amounts) for place, amounts in self.used.items()}
        for claim in self.snapshot.claims:
            if claim.tenant == tenant.name and claim.application != application:
                for namespace, amounts in claim.usage.items():
                    place = (claim.unit.cluster, namespace)
                    if place in spent and counts(self.snapshot, claim):
                        spent[place].append(amounts)
        several = len(tenant.all_namespaces) > 1
        return quota_problems(
            tenant,
            {
                f"{cluster} in namespace {namespace}" if several else cluster: total(amounts)
                for (cluster, namespace), amounts in spent.items()
                if namespace in tenant.all_namespaces
            },
        )
