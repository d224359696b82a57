"""What the objects in a deploy repo's files request and use, added up by unit."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from planners.model import Registration, Tenant, Unit
from planners.model.snapshot import ResourceClaim
from renderers import yaml
from renderers.kubernetes import workloads
from renderers.kubernetes.metadata import namespace_of
from renderers.layout import Layout
from renderers.policy import quotas

Read = Callable[[str], bytes]


@dataclass(slots=True)
class ResourceUsage:
    """Nano-units: requests by resource, and use of quotas by namespace and ResourceQuota name."""

    requests: dict[str, int] = field(default_factory=dict)
    usage: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, other: "ResourceUsage") -> None:
        """Add what another one asks for."""
        _add(self.requests, other.requests)
        for namespace, usage in other.usage.items():
            _add(self.usage.setdefault(namespace, {}), usage)

    def beyond(self, other: "ResourceUsage") -> "ResourceUsage":
        """What this asks for more than another one."""
        return ResourceUsage(
            _more(self.requests, other.requests),
            {name: _more(each, other.usage.get(name, {})) for name, each in self.usage.items()},
        )


@dataclass(slots=True)
class UsageReader:
    """Reads files once for each content; usage is counted for the applications of one tenant.

    `remembered` outlives one reading. What somebody else wrote and cannot be read asks for nothing.
    """

    tenant: Tenant | None
    remembered: dict[tuple[str, str], ResourceUsage] = field(default_factory=dict)

    def of(self, registration: Registration, path: str, blob: str, read: Read) -> ResourceUsage:
        """What the objects of one file ask for; `read` gives a blob's bytes."""
        counted = self._counted(registration)
        if counted is None and not path.rpartition("/")[2].startswith(workloads.FILE_PREFIXES):
            return ResourceUsage()
        key = (blob, repr(counted))
        if key not in self.remembered:
            self.remembered[key] = _read(read(blob), counted)
        return self.remembered[key]

    def by_unit(
        self, registration: Registration, entries: Iterable[tuple[str, str]], read: Read
    ) -> dict[Unit, ResourceUsage]:
        """What each unit asks for; `entries` are paths in the deploy repo with their blobs."""
        layout = Layout.of(registration)
        units: dict[Unit, ResourceUsage] = {}
        for path, blob in entries:
            unit = layout.unit_of(path)
            if unit is not None:
                demand = units.setdefault(unit, ResourceUsage())
                if path.startswith(f"{layout.objects_folder(unit)}/"):
                    demand.add(self.of(registration, path, blob, read))
        return units

    def _counted(self, registration: Registration) -> Tenant | None:
        tenant = self.tenant
        mine = tenant is not None and tenant.quota and tenant.name == registration.tenant
        return tenant if mine else None


def claim(
    registration: Registration,
    unit: Unit,
    demand: ResourceUsage,
    merged_at: datetime | None,
    number: int = 0,
) -> ResourceClaim:
    """The claim of one unit of an application."""
    return ResourceClaim(
        registration.application,
        unit,
        demand.requests,
        merged_at,
        number,
        registration.priority,
        registration.tenant,
        demand.usage,
    )


def _read(content: bytes, counted: Tenant | None) -> ResourceUsage:
    demand = ResourceUsage()
    try:
        for document in yaml.load_documents(content):
            item = document.value
            if isinstance(item, dict):
                _add(demand.requests, workloads.requests(item))
                if counted is not None:
                    namespace = namespace_of(item) or ""
                    usage = quotas.usage_of(item, counted.limits)
                    _add(demand.usage.setdefault(namespace, {}), usage)
    except (yaml.YamlError, ValueError):
        return ResourceUsage()
    return demand


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _more(new: Mapping[str, int], old: Mapping[str, int]) -> dict[str, int]:
    return {name: max(0, amount - old.get(name, 0)) for name, amount in new.items()}
