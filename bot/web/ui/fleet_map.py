"""The fleet at a glance: a grid with a cell for each cluster, and a schematic map of its regions.

The grid is drawn as runs of equal cells, so that ten thousand weigh as much as ten. Regions stand
in columns from west to east and in rows from north to south, by the mean of their clusters; the
distances mean nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from bot.report.model import ClusterView
from bot.web.ui.fleet import CLUSTER_STATES, ClusterRow, ClusterState, count_by_readiness
from bot.wording.regions import LABELS

WIDE, NARROW = 1200, 360
CELLS = ((60, 24), (400, 16), (2_500, 10), (100_000, 6))
MOST_LINKED = 60
COLUMNS, ROWS, MOST_REGIONS = 6, 6, 30
BANDS = (55.0, 40.0, 20.0, 0.0, -20.0)
SEVERITY: Mapping[ClusterState, int] = {state: at for at, state in enumerate(CLUSTER_STATES)}


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of cells in the same state."""

    state: ClusterState
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A cluster in the grid, linked to its page."""

    row: ClusterRow
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class FleetGrid:
    """All shapes, in pixels; `cells` only where each can be a link."""

    width: int
    height: int
    cell: int
    blocks: Sequence[Block]
    cells: Sequence[Cell]

    @property
    def by_state(self) -> dict[ClusterState, list[Block]]:
        """The blocks of each state, in the order of the grid."""
        found: dict[ClusterState, list[Block]] = {}
        for each in self.blocks:
            found.setdefault(each.state, []).append(each)
        return found


@dataclass(frozen=True, slots=True)
class Region:
    """A region and its clusters by state; column and row count from 1, 0: no location is known."""

    name: str
    label: str
    clusters: int
    states: Mapping[ClusterState, int]
    column: int = 0
    row: int = 0

    @property
    def worst(self) -> ClusterState:
        """The worst state of a cluster in it."""
        return next((state for state in CLUSTER_STATES if self.states[state]), "IDLE")


def worst_first(rows: Iterable[ClusterRow]) -> list[ClusterRow]:
    """The clusters that need a look before the others."""
    return sorted(rows, key=lambda row: (SEVERITY[row.readiness], not row.silent, row.name))


def fleet_grid(rows: Sequence[ClusterRow], width: int) -> FleetGrid:
    """The grid of clusters that are sorted by state."""
    cell = next(size for most, size in CELLS if len(rows) <= most or size == CELLS[-1][1])
    columns = width // cell
    blocks: list[Block] = []
    for state, first, last in _runs(rows):
        blocks += _blocks(state, first, last, columns, cell)
    few = rows if len(rows) <= MOST_LINKED else ()
    cells = [Cell(row, at % columns * cell, at // columns * cell) for at, row in enumerate(few)]
    height = -(-len(rows) // columns) * cell
    return FleetGrid(columns * cell, height, cell, blocks, cells)


def _runs(rows: Sequence[ClusterRow]) -> Iterator[tuple[ClusterState, int, int]]:
    """Each run of clusters in the same state: its first place, and the one after its last."""
    start = 0
    for at in range(1, len(rows) + 1):
        if at == len(rows) or rows[at].readiness != rows[start].readiness:
            yield rows[start].readiness, start, at
            start = at


def _blocks(state: ClusterState, first: int, last: int, columns: int, cell: int) -> Iterator[Block]:
    """The end of a line, whole lines, and the beginning of a line."""
    at = first
    while at < last:
        line, column = divmod(at, columns)
        whole = (last - at) // columns if column == 0 else 0
        count = whole * columns if whole else min(columns - column, last - at)
        width = columns if whole else count
        yield Block(state, column * cell, line * cell, width * cell, (whole or 1) * cell)
        at += count


def regions(rows: Sequence[ClusterRow], described: Iterable[ClusterView]) -> list[Region]:
    """The regions that clusters are labelled with, from west to east; without a place come last."""
    places = {
        each.name: (each.latitude, each.longitude)
        for each in described
        if each.latitude is not None and each.longitude is not None
    }
    found: dict[tuple[str, str], list[ClusterRow]] = {}
    for row in rows:
        label = next((each for each in LABELS if each in row.labels), "")
        found.setdefault((label, row.labels.get(label, "")), []).append(row)
    if set(found) <= {("", "")} or len(found) > MOST_REGIONS:
        return []
    means = {
        key: _mean([places[row.name] for row in same if row.name in places])
        for key, same in found.items()
    }
    cells = _cells({key: mean for key, mean in means.items() if mean is not None})
    made = [
        Region(name, label, len(same), count_by_readiness(same), *cells.get((label, name), (0, 0)))
        for (label, name), same in sorted(found.items())
    ]
    return sorted(made, key=lambda each: (not each.column, each.row, each.column, each.name))


def _mean(places: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    if not places:
        return None
    return fmean(each[0] for each in places), fmean(each[1] for each in places)


def _cells(
    means: Mapping[tuple[str, str], tuple[float, float]],
) -> dict[tuple[str, str], tuple[int, int]]:
    """A column by rank from west to east, a row by band of latitude or the next free one below."""
    west = sorted(means, key=lambda key: (means[key][1], key))
    columns = min(COLUMNS, max(1, len(west)))
    column = {key: at * columns // len(west) + 1 for at, key in enumerate(west)}
    taken: set[tuple[int, int]] = set()
    cells: dict[tuple[str, str], tuple[int, int]] = {}
    for key in sorted(means, key=lambda key: (-means[key][0], key)):
        row = next(
            (at for at, edge in enumerate(BANDS, 1) if means[key][0] >= edge), len(BANDS) + 1
        )
        while (column[key], row) in taken:
            row += 1
        taken.add((column[key], row))
        cells[key] = column[key], row
    used = {row: at for at, row in enumerate(sorted({row for _, row in cells.values()}), 1)}
    return {key: (at, used[row]) for key, (at, row) in cells.items()}
