"""Adds up the resource requests and the quota usage of the objects in a deploy repo, by unit."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import compress
from typing import NamedTuple

from planners.model import ContainerLimits, Fleet, Registration, Tenant, Unit
from planners.model.fleet_files import FleetFiles
from planners.model.requests import WorkloadRequests, total_requests
from planners.model.snapshot import ResourceClaim
from renderers import yaml
from renderers.kubernetes.demand import FILE_PREFIXES, joined, object_demand
from renderers.kubernetes.metadata import namespace_of
from renderers.layout import OBJECTS, is_object
from renderers.policy import quotas

ReadBlob = Callable[[str], bytes]


@dataclass(slots=True)
class ResourceUsage:
    """In nano-units: requests by resource, and usage by namespace and ResourceQuota name."""

    requests: dict[str, int] = field(default_factory=dict)
    quota_usage: dict[str, dict[str, int]] = field(default_factory=dict)

    def excess_over(self, other: "ResourceUsage") -> "ResourceUsage":
        """The amounts by which this exceeds another one."""
        return ResourceUsage(
            _difference(self.requests, other.requests),
            {
                name: _difference(each, other.quota_usage.get(name, {}))
                for name, each in self.quota_usage.items()
            },
        )


@dataclass(slots=True)
class FileUsage:
    """What the objects of one file request; autoscalers raise what is in other files of a unit."""

    demand: list[WorkloadRequests] = field(default_factory=list)
    quota_usage: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(slots=True)
class UsageReader:
    """Reads each distinct content once; counts quota usage for applications of one tenant only.

    `fleet` has the number of nodes and the default requests of tenants. `cache` is kept between
    passes. Files that cannot be parsed, because somebody else wrote them, count as nothing.
    """

    fleet: Fleet
    tenant: Tenant | None
    cache: dict[tuple[str, str], FileUsage] = field(default_factory=dict)
    _nodes: dict[str, int] = field(init=False)
    _limits: dict[str, ContainerLimits | None] = field(init=False)
    _sums: dict[tuple[str, int, tuple[tuple[str, str], ...]], ResourceUsage] = field(
        init=False, default_factory=dict
    )
    _keys: dict[str, tuple[Tenant | None, str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Index the fleet."""
        self._nodes = {each.name: each.known_nodes for each in self.fleet.clusters}
        self._limits = {each.name: each.limits for each in self.fleet.tenants}

    def _of(self, registration: Registration, path: str, blob: str, read: ReadBlob) -> FileUsage:
        """The usage of the objects in one file; `read` returns the content of a blob."""
        tenant, key = self._counted(registration)
        if tenant is None and not path.rpartition("/")[2].startswith(FILE_PREFIXES):
            return FileUsage()
        if (blob, key) not in self.cache:
            limits = self._limits.get(registration.tenant)
            self.cache[blob, key] = _read(read(blob), tenant, limits)
        return self.cache[blob, key]

    def _counted(self, registration: Registration) -> tuple[Tenant | None, str]:
        """The tenant whose quota counts, and what the usage of a content depends on."""
        if registration.tenant not in self._keys:
            tenant, limits = self.quota_tenant(registration), self._limits.get(registration.tenant)
            self._keys[registration.tenant] = tenant, repr((tenant, limits))
        return self._keys[registration.tenant]

    def by_unit(
        self,
        registration: Registration,
        units: Mapping[Unit, Mapping[str, str]],
        read: ReadBlob,
    ) -> dict[Unit, ResourceUsage]:
        """The usage of each unit that has objects; `units` has their paths with blob ids.

        Units with the same files share one value.
        """
        found: dict[Unit, ResourceUsage] = {}
        for unit, objects in objects_of(FleetFiles.of(units)):
            nodes = self._nodes.get(unit.cluster, 1)
            key = (registration.tenant, nodes, objects)
            if objects and key not in self._sums:
                files = [self._of(registration, name, blob, read) for name, blob in objects]
                self._sums[key] = _sum(files, nodes)
            if objects:
                found[unit] = self._sums[key]
        return found

    def quota_tenant(self, registration: Registration) -> Tenant | None:
        """The tenant, if it has a quota and the application belongs to it."""
        tenant = self.tenant
        has_quota = tenant is not None and tenant.quota and tenant.name == registration.tenant
        return tenant if has_quota else None


def objects_of(files: FleetFiles) -> Iterator[tuple[Unit, tuple[tuple[str, str], ...]]]:
    """Each unit with its objects, sorted: the path below `apps` of its cluster, and the blob id.

    Units of a component with the same files share one value.
    """
    for block in files.blocks:
        own = [is_object(name) for name in block.names]
        names = [name.removeprefix(OBJECTS) for name in compress(block.names, own)]
        known: dict[tuple[str, ...], tuple[tuple[str, str], ...]] = {}
        for unit, ids in zip(block.units, block.ids, strict=True):
            blobs = tuple(compress(ids, own))
            if blobs not in known:
                known[blobs] = tuple(zip(names, blobs, strict=True))
            yield unit, known[blobs]


def _sum(files: list[FileUsage], nodes: int) -> ResourceUsage:
    demand = joined(part for each in files for part in each.demand)
    total = ResourceUsage(total_requests(demand, {}, nodes))
    for each in files:
        for namespace, usage in each.quota_usage.items():
            _add(total.quota_usage.setdefault(namespace, {}), usage)
    return total


class UnitUsage(NamedTuple):
    """What a unit requests, and when it was merged; None while it is proposed."""

    unit: Unit
    usage: ResourceUsage
    merged_at: datetime | None


def claims_of(
    registration: Registration, units: Iterable[UnitUsage], number: int = 0
) -> Iterator[ResourceClaim]:
    """The claims of an application; `number` is the merge request that proposes them, if any.

    Clusters for which a component's usage is the same object share one claim.
    """
    alike: dict[tuple[str, int, datetime | None], list[UnitUsage]] = {}
    for each in units:
        key = each.unit.component, id(each.usage), each.merged_at
        alike.setdefault(key, []).append(each)
    for (component, _, merged_at), found in alike.items():
        usage = found[0].usage
        yield ResourceClaim(
            application=registration.application,
            component=component,
            clusters=tuple([each.unit.cluster for each in found]),
            requests=usage.requests,
            merged_at=merged_at,
            number=number,
            priority=registration.priority,
            tenant=registration.tenant,
            usage=usage.quota_usage,
        )


def _read(content: bytes, tenant: Tenant | None, limits: ContainerLimits | None) -> FileUsage:
    total = FileUsage()
    try:
        for document in yaml.load_documents(content):
            item = document.value
            if isinstance(item, dict):
                demand = object_demand(item, limits)
                total.demand += [demand] if demand is not None else []
                if tenant is not None:
                    namespace = namespace_of(item) or ""
                    usage = quotas.usage_of(item, tenant.limits)
                    _add(total.quota_usage.setdefault(namespace, {}), usage)
    except (yaml.YamlError, ValueError):
        return FileUsage()
    return total


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _difference(new: Mapping[str, int], old: Mapping[str, int]) -> dict[str, int]:
    return {name: max(0, amount - old.get(name, 0)) for name, amount in new.items()}
