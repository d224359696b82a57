"""Counts a tenant's use of its quota: by this plan, and by the claims of its other applications."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from planners.model import Json
from planners.model.snapshot import Snapshot
from planners.placement.supply import Precedence
from renderers.kubernetes.metadata import namespace_of
from renderers.policy.quotas import (
    Usage,
    assumptions,
    missing_amounts,
    quota_problems,
    total,
    usage_of,
)


@dataclass(frozen=True, slots=True)
class _QuotaScope:
    """A ResourceQuota applies to one namespace on one cluster."""

    cluster: str
    namespace: str


@dataclass(slots=True)
class QuotaLedger:
    """Usage by cluster and namespace; nothing is counted for a tenant without a quota."""

    snapshot: Snapshot
    used: dict[_QuotaScope, list[Mapping[str, int]]] = field(default_factory=dict)

    def usage(self, items: Iterable[Mapping[str, Json]]) -> dict[str, Usage]:
        """What objects use, by namespace. Schema validation reports invalid quantities."""
        tenant = self.snapshot.tenant
        found: dict[str, list[Usage]] = {}
        for item in items if self.has_quota else ():
            namespace = namespace_of(item) or tenant.namespace
            try:
                found.setdefault(namespace, []).append(usage_of(item, tenant.limits))
            except ValueError:
                continue
        return {namespace: total(each) for namespace, each in found.items()}

    def add(self, cluster: str, usage: Mapping[str, Mapping[str, int]]) -> None:
        """Count what a unit uses; `usage` is by namespace."""
        for namespace, amounts in usage.items():
            self.used.setdefault(_QuotaScope(cluster, namespace), []).append(amounts)

    def rejections(self, item: Mapping[str, Json]) -> Iterator[str]:
        """Why Kubernetes would reject the object's pods because of the quota."""
        if self.has_quota:
            yield from missing_amounts(item, self.snapshot.tenant)

    def assumptions(self, item: Mapping[str, Json]) -> Iterator[str]:
        """What had to be assumed to count the object."""
        if self.has_quota:
            yield from assumptions(item)

    @property
    def has_quota(self) -> bool:
        """Whether a quota applies to this application."""
        return bool(self.snapshot.tenant.quota) and not self.snapshot.application.is_tenant_setup

    def problems(self) -> tuple[str, ...]:
        """Where the tenant would exceed its quota, with its other applications included."""
        tenant, application = self.snapshot.tenant, self.snapshot.application.name
        if not self.has_quota:
            return ()
        precedence = Precedence(self.snapshot)
        used = {scope: list(amounts) for scope, amounts in self.used.items()}
        for claim in self.snapshot.claims:
            other = claim.tenant == tenant.name and claim.application != application
            if not (other and precedence.has(claim)):
                continue
            for namespace, amounts in claim.usage.items():
                for cluster in claim.clusters:
                    scope = _QuotaScope(cluster, namespace)
                    if scope in used:
                        used[scope].append(amounts)
        several = len(tenant.all_namespaces) > 1
        return quota_problems(
            tenant,
            {
                f"{scope.cluster} in namespace {scope.namespace}"
                if several
                else scope.cluster: total(amounts)
                for scope, amounts in used.items()
                if scope.namespace in tenant.all_namespaces
            },
        )
