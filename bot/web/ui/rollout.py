"""The page of a rollout: waves, clusters and audit log, each list bounded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.report.model import (
    UNIT_STATES,
    GateView,
    NeedView,
    OpenPlanView,
    RolloutView,
    UnitCounts,
    UnitState,
    UnitView,
    WaveView,
)
from bot.report.needs import MINE, concerns, needs_of
from bot.report.summary_view import count_states
from bot.store.audit import AuditEntry
from bot.store.queue import Waiting
from bot.web.ui.fleet import worst
from bot.web.ui.graph import Graph, graph
from bot.web.ui.paging import Page, address, paged
from bot.web.ui.reading import ViewReader
from bot.web.ui.timeline import Timeline, timeline

WAVES, CLUSTERS, PLANS = 30, 100, 5
UNPAGED = 200
MAX_NOT_READY_GROUPS = 20


@dataclass(frozen=True, slots=True)
class RolloutFilter:
    """What to show: clusters by name and readiness, and pages; empty and 0 are the defaults.

    `needs`: only the waves that wait for a person, or for the one with this `login`.
    """

    text: str = ""
    readiness: UnitState | None = None
    page: int = 1
    waves: int = 0
    needs: str = ""
    login: str = ""


@dataclass(frozen=True, slots=True)
class NotReadyGroup:
    """Units that are not ready, with the same state and message."""

    readiness: UnitState
    message: str
    components: Sequence[str]
    clusters: Sequence[str]


@dataclass(frozen=True, slots=True)
class PendingGroup:
    """Units of a merged wave that do not count as ready for the same reason."""

    reason: str
    units: Sequence[str]


@dataclass(frozen=True, slots=True)
class AuditEntryView:
    """An entry of the audit log, in words; `failed` if the forge refused it."""

    entry: AuditEntry
    wave: str
    text: str
    failed: bool


@dataclass(frozen=True, slots=True)
class GridRow:
    """A cluster; `cells` are in the order of the grid's components, None where one does not run."""

    cluster: str
    cells: Sequence[UnitView | None]


@dataclass(frozen=True, slots=True)
class UnitGrid:
    """Clusters (rows) and components (columns); `totals` and `clusters` ignore the filter."""

    components: Sequence[str]
    rows: Page[GridRow]
    totals: UnitCounts
    clusters: int
    not_ready: Sequence[NotReadyGroup]


@dataclass(frozen=True, slots=True)
class RolloutPage:
    """What the template shows; `done` counts waves."""

    view: RolloutView
    filter: RolloutFilter
    version: str
    needs: Sequence[NeedView]
    plans: Sequence[OpenPlanView]
    more_plans: int
    waves: Page[WaveView]
    timeline: Timeline
    graph: Graph
    done: int
    grid: UnitGrid
    audit_log: Sequence[AuditEntryView]
    failures: Sequence[Waiting]


def path_of(application: str) -> str:
    """The path of an application's page."""
    return f"/rollouts/{application}"


def rollout_page(
    reader: ViewReader, application: str, wanted: RolloutFilter, version: str
) -> RolloutPage:
    """One application's page. Raises HTTPException 404."""
    view = reader.rollout(application)
    plans = [each for each in reader.open_plans() if each.application == application]
    return RolloutPage(
        view=view,
        filter=wanted,
        version=version,
        needs=needs_of(view),
        plans=plans[:PLANS],
        more_plans=max(0, len(plans) - PLANS),
        waves=wave_page(_shown(view.waves, wanted), wanted.waves),
        timeline=timeline(reader.history(application), view.revision, reader.now),
        graph=wave_graph(application, view.waves),
        done=sum(wave.state == "done" for wave in view.waves),
        grid=grid(view.units, wanted),
        audit_log=audit_entries(reader.audit_log(application), reader.number_prefix(view)),
        failures=reader.failures(application),
    )


def _shown(waves: Sequence[WaveView], wanted: RolloutFilter) -> Sequence[WaveView]:
    if not wanted.needs:
        return waves
    return [
        each for each in waves if each.failing or any(_asks(gate, wanted) for gate in each.gates)
    ]


def _asks(gate: GateView, wanted: RolloutFilter) -> bool:
    return gate.person and (wanted.needs != MINE or concerns(gate, wanted.login))


def wave_page(waves: Sequence[WaveView], number: int) -> Page[WaveView]:
    """A page of waves; 0 is the page with the first wave that is not done."""
    left = (place for place, wave in enumerate(waves) if wave.state != "done")
    return paged(waves, number or next(left, 0) // WAVES + 1, WAVES)


def wave_graph(application: str, waves: Sequence[WaveView]) -> Graph:
    """The graph, each node linked to its wave's row."""
    place = {wave.name: index for index, wave in enumerate(waves)}

    def row(name: str) -> str:
        anchor = f"wave-{name}"
        if len(waves) <= WAVES:
            return address("", anchor)
        return address(path_of(application), anchor, waves=place[name] // WAVES + 1)

    return graph(waves, row)


def grid(units: Sequence[UnitView], wanted: RolloutFilter) -> UnitGrid:
    """The units as a table, filtered."""
    components = sorted({unit.component for unit in units})
    clusters: dict[str, dict[str, UnitView]] = {}
    for unit in units:
        clusters.setdefault(unit.cluster, {})[unit.component] = unit
    words = wanted.text.casefold().split()
    found = [
        GridRow(cluster, [cells.get(name) for name in components])
        for cluster, cells in sorted(clusters.items())
        if all(word in cluster.casefold() for word in words)
        and (not wanted.readiness or wanted.readiness == worst(count_states(cells.values())))
    ]
    size = CLUSTERS if len(clusters) > UNPAGED else UNPAGED
    page = paged(found, wanted.page, size)
    return UnitGrid(components, page, count_states(units), len(clusters), not_ready(units))


def not_ready(units: Iterable[UnitView]) -> list[NotReadyGroup]:
    """The units that are not ready, grouped by state and message, the worst first."""
    groups: dict[tuple[UnitState, str], list[UnitView]] = {}
    for unit in units:
        if unit.readiness not in {"READY", "UNMERGED"}:
            groups.setdefault((unit.readiness, unit.message), []).append(unit)
    found = [
        NotReadyGroup(
            readiness,
            message,
            sorted({unit.component for unit in same}),
            sorted({unit.cluster for unit in same}),
        )
        for (readiness, message), same in groups.items()
    ]
    found.sort(key=lambda e: (UNIT_STATES.index(e.readiness), -len(e.clusters), e.message))
    return found[:MAX_NOT_READY_GROUPS]


def audit_entries(entries: Iterable[AuditEntry], prefix: str) -> list[AuditEntryView]:
    """Entries of the audit log in words; `prefix` is what the forge writes before a number."""
    return [_audit_entry(entry, prefix) for entry in entries]


def _audit_entry(entry: AuditEntry, prefix: str) -> AuditEntryView:
    fields = entry.fields
    number, refused = fields.get("number"), fields.get("refused")
    request = f"merge request {prefix}{number}"
    text = {
        "push": f"pushed branch {fields.get('branch')}",
        "open": f"opened {request}",
        "update": f"updated the description of {request}",
        "merge": f"merged {request}",
    }.get(entry.kind, entry.kind)
    if refused:
        text = f"{entry.kind}{f' of {request}' if number else ''} refused: {refused}"
    return AuditEntryView(entry, str(fields.get("wave", "")), text, failed=bool(refused))


def pending_groups(wave: WaveView) -> list[PendingGroup]:
    """Why units of a merged wave do not count as ready, the most frequent reason first."""
    found: dict[str, list[str]] = {}
    for each in wave.pending:
        found.setdefault(each.reason, []).append(each.unit)
    groups = [PendingGroup(reason, units) for reason, units in found.items()]
    return sorted(groups, key=lambda group: -len(group.units))
