"""The page of one cluster: what it is, what is claimed of it, what runs there and what it said."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import HTTPException, status

from bot.report.cluster_details import ClusterDetailsView
from bot.report.model import UNIT_STATES
from bot.store.reports import ReportRow
from bot.web.ui.fleet import ClusterApplication, ClusterRow, fleet_rows
from bot.web.ui.reading import ViewReader
from planners.model.quantities import write
from planners.model.snapshot import ReportedFacts

MOST_REPORTS = 300
AMOUNTS = ("capacity", "allocated", "claimed", "left", "free")


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """One resource of the cluster, as text; empty where it is not known. `used` is in percent."""

    name: str
    capacity: str
    allocated: str
    claimed: str
    left: str
    free: str
    used: float | None


@dataclass(frozen=True, slots=True)
class RunningApplication:
    """An application on the cluster, what it claims, and the newest report on each component."""

    state: ClusterApplication
    claims: Mapping[str, str]
    reports: Sequence[ReportRow]


@dataclass(frozen=True, slots=True)
class ClusterPage:
    """What the template shows; `known` names the fields of resources that say something."""

    row: ClusterRow
    details: ClusterDetailsView
    facts: ReportedFacts | None
    resources: Sequence[ResourceRow]
    known: Sequence[str]
    applications: Sequence[RunningApplication]
    agent_reports: Sequence[ReportRow]


def cluster_page(reader: ViewReader, name: str) -> ClusterPage:
    """The page of a cluster. Raises HTTPException 404."""
    rows = fleet_rows(reader.fleet(), reader.application_clusters(), reader.now, only=name)
    if not rows:
        raise HTTPException(
            status.HTTP_404_NOT_FOUND,
            f"Unknown cluster {name[:100]}. Search the fleet for a part of its name.",
        )
    row = rows[0]
    details, facts = reader.cluster_details(name), reader.facts(name)
    claims = {each.application: reader.claims(each.application, name) for each in row.applications}
    applications = [
        RunningApplication(
            each,
            {resource: write(value) for resource, value in claims[each.application].items()},
            newest(reader.reports(each.application, name)),
        )
        for each in row.applications
    ]
    found = resources(details, facts, claims.values())
    return ClusterPage(
        row=row,
        details=details,
        facts=facts,
        resources=found,
        known=[name for name in AMOUNTS if any(getattr(each, name) for each in found)],
        applications=applications,
        agent_reports=newest(reader.reports("", name)),
    )


def newest(reports: Sequence[ReportRow]) -> list[ReportRow]:
    """The newest report on each component, the worst first."""
    found: dict[str, ReportRow] = {}
    for each in sorted(reports, key=lambda each: each.received_at):
        found[each.component] = each
    order: Mapping[str, int] = {state: at for at, state in enumerate(UNIT_STATES)}
    ordered = sorted(
        found.values(), key=lambda each: (order.get(each.readiness, -1), each.component)
    )
    return ordered[:MOST_REPORTS]


def resources(
    details: ClusterDetailsView,
    facts: ReportedFacts | None,
    claims: Iterable[Mapping[str, int]],
) -> list[ResourceRow]:
    """Each resource that the fleet repo, a claim or a report names."""
    claimed: dict[str, int] = {}
    for each in claims:
        for name, value in each.items():
            claimed[name] = claimed.get(name, 0) + value
    free = facts.free if facts else {}
    names = sorted({*details.capacity, *details.allocated, *claimed, *free}, key=_order)
    return [_resource(name, details, claimed.get(name, 0), free.get(name)) for name in names]


def _order(name: str) -> tuple[int, str]:
    first = ("cpu", "memory", "ephemeral-storage", "pods")
    return (first.index(name) if name in first else len(first), name)


def _resource(
    name: str, details: ClusterDetailsView, claimed: int, free: int | None
) -> ResourceRow:
    capacity, allocated = details.capacity.get(name), details.allocated.get(name)
    left = None if capacity is None else capacity - (allocated or 0) - claimed
    used = None if left is None or not capacity else 100 * (capacity - left) / capacity
    return ResourceRow(
        name=name,
        capacity=_text(capacity),
        allocated=_text(allocated),
        claimed=_text(claimed),
        left=_text(left),
        free=_text(free),
        used=None if used is None else round(min(100.0, max(0.0, used)), 1),
    )


def _text(value: int | None) -> str:
    return "" if value is None else write(value)
