"""The fleet as a table: each cluster with its applications, readiness and newest report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from bot.report.model import (
    UNIT_STATES,
    ApplicationClustersView,
    ClusterUnitsView,
    ClusterView,
    FleetView,
    UnitCounts,
    UnitState,
)

ClusterState: TypeAlias = UnitState | Literal["IDLE"]
CLUSTER_STATES: tuple[ClusterState, ...] = (*UNIT_STATES, "IDLE")
_NONE: UnitCounts = dict.fromkeys(UNIT_STATES, 0)


@dataclass(frozen=True, slots=True)
class ClusterApplication:
    """An application on a cluster; `revision` and `reported_at` are of its newest report.

    `revision` is a commit of the deploy repo.
    """

    application: str
    readiness: ClusterState
    totals: UnitCounts
    revision: str
    reported_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """A cluster; `readiness` is the worst of all units on it.

    It is UNMERGED if nothing runs there yet, and IDLE if nothing is planned for it. A cluster that
    is not `listed` has left the fleet repo. It is `silent` if every report is older than policies
    allow.
    """

    name: str
    agent: str
    labels: Mapping[str, str]
    maintenance: str
    listed: bool
    readiness: ClusterState
    totals: UnitCounts
    silent: bool
    reported_at: datetime | None
    applications: tuple[ClusterApplication, ...]


@dataclass(frozen=True, slots=True)
class _Presence:
    """An application on a cluster; reports before `oldest` do not count."""

    application: str
    units: ClusterUnitsView
    oldest: datetime

    @property
    def is_fresh(self) -> bool:
        return self.units.at is not None and self.units.at > self.oldest


def worst(counts: UnitCounts) -> ClusterState:
    """The worst state of any unit, UNMERGED only if all are; IDLE if there is none."""
    return next((state for state in UNIT_STATES if counts.get(state)), "IDLE")


def fleet_rows(
    fleet: FleetView,
    applications: Iterable[ApplicationClustersView],
    now: datetime,
    only: str = "",
) -> list[ClusterRow]:
    """Every cluster that the fleet repo names or an application runs on, sorted by name.

    With `only`, that one alone.
    """
    described = {each.name: each for each in fleet.clusters if only in {"", each.name}}
    present: dict[str, list[_Presence]] = {name: [] for name in described}
    for each in applications:
        for name, units in each.clusters.items():
            if only not in {"", name}:
                continue
            oldest = now - units.report_max_age
            present.setdefault(name, []).append(_Presence(each.application, units, oldest))
    unread = not fleet.revision
    return [
        _row(
            described.get(name, ClusterView(name, agent="")),
            present[name],
            listed=unread or name in described,
        )
        for name in sorted(present)
    ]


def _row(cluster: ClusterView, present: Sequence[_Presence], *, listed: bool) -> ClusterRow:
    applications = tuple(map(_application, present))
    totals = applications[0].totals if len(applications) == 1 else _totals(applications)
    at = max((each.units.at for each in present if each.units.at), default=None)
    return ClusterRow(
        name=cluster.name,
        agent=cluster.agent,
        labels=cluster.labels,
        maintenance=cluster.maintenance,
        listed=listed,
        readiness=worst(totals),
        totals=totals,
        silent=at is not None and not any(each.is_fresh for each in present),
        reported_at=at,
        applications=applications,
    )


def _application(each: _Presence) -> ClusterApplication:
    units = each.units
    totals = {**_NONE, **units.totals}
    return ClusterApplication(each.application, worst(totals), totals, units.revision, units.at)


def _totals(applications: Iterable[ClusterApplication]) -> UnitCounts:
    """How many units are in which state; every state is there."""
    totals = dict(_NONE)
    for each in applications:
        for state, count in each.totals.items():
            totals[state] += count
    return totals


def search(rows: Iterable[ClusterRow], text: str) -> list[ClusterRow]:
    """The rows that contain every word of the text."""
    words = text.casefold().split()
    return [row for row in rows if not words or _matches(row, words)]


def _matches(row: ClusterRow, words: Iterable[str]) -> bool:
    labels = (f"{name}={value}" for name, value in row.labels.items())
    names = (each.application for each in row.applications)
    text = " ".join((row.name, row.agent, row.maintenance, *labels, *names)).casefold()
    return all(word in text for word in words)


def count_by_readiness(rows: Iterable[ClusterRow]) -> dict[ClusterState, int]:
    """How many clusters are in which state; every state is there."""
    counts = dict.fromkeys(CLUSTER_STATES, 0)
    for row in rows:
        counts[row.readiness] += 1
    return counts
