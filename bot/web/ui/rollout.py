"""One application's rollout as its page shows it: waves, clusters and deeds, each list bounded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.report.summary_view import READINESS, UNMERGED
from bot.store.audit import AuditEntry
from bot.web.ui.fleet import worst
from bot.web.ui.graph import Graph, graph
from bot.web.ui.paging import Page, address, paged
from bot.web.ui.reading import Reader

WAVES, CLUSTERS = 30, 100
UNPAGED = 200
MOST_SAID = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader wants to see of it; empty and 0 stand for the usual."""

    text: str = ""
    readiness: str = ""
    page: int = 1
    waves: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """What clusters say, in the same words, of components that are not ready."""

    readiness: str
    message: str
    components: Sequence[str]
    clusters: Sequence[str]


@dataclass(frozen=True, slots=True)
class Deed:
    """One entry of the audit log, in words."""

    entry: AuditEntry
    wave: str
    text: str
    good: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """Clusters (rows) and components (columns)."""

    components: Sequence[str]
    rows: Page[Mapping[str, Any]]
    totals: Mapping[str, int]
    clusters: int
    said: Sequence[Said]


def home(application: str) -> str:
    """The path of an application's page."""
    return f"/rollouts/{application}"


def shown(reader: Reader, application: str, asked: Asked) -> dict[str, Any]:
    """Everything that the page's template speaks of."""
    view = reader.rollout(application)
    waves, units = view.get("waves", []), view.get("units", [])
    return {
        "view": view,
        "asked": asked,
        "waves": wave_page(waves, asked.waves),
        "graph": wave_graph(application, waves),
        "done": sum(wave["state"] == "done" for wave in waves),
        "grid": grid(units, asked),
        "deeds": deeds(reader.deeds(application)),
        "delays": reader.delays(application),
        "lacking": not_ready,
    }


def wave_page(waves: Sequence[Mapping[str, Any]], asked: int) -> Page[Mapping[str, Any]]:
    """Some waves: those around the first that is not done, where none were asked for."""
    left = (place for place, wave in enumerate(waves) if wave["state"] != "done")
    return paged(waves, asked or next(left, 0) // WAVES + 1, WAVES)


def wave_graph(application: str, waves: Sequence[Mapping[str, Any]]) -> Graph:
    """The graph, each node linked to its wave's row."""
    place = {wave["name"]: index for index, wave in enumerate(waves)}

    def row(name: str) -> str:
        here = f"wave-{name}"
        if len(waves) <= WAVES:
            return address("", here)
        return address(home(application), here, waves=place[name] // WAVES + 1)

    return graph(waves, row)


def grid(units: Sequence[Mapping[str, Any]], asked: Asked) -> Grid:
    """The units as a table, as far as they were asked for."""
    components = sorted({unit["component"] for unit in units})
    rows: dict[str, dict[str, Any]] = {}
    for unit in units:
        rows.setdefault(unit["cluster"], {})[unit["component"]] = unit
    words = asked.text.casefold().split()
    found: list[Mapping[str, Any]] = [
        {"cluster": cluster, "cells": [cells.get(name) for name in components]}
        for cluster, cells in sorted(rows.items())
        if all(word in cluster.casefold() for word in words)
        and asked.readiness in {"", worst(_counts(cells.values()))}
    ]
    size = CLUSTERS if len(rows) > UNPAGED else UNPAGED
    page = paged(found, asked.page, size)
    return Grid(components, page, _counts(units), len(rows), said(units))


def _counts(units: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counts = dict.fromkeys(READINESS, 0)
    for unit in units:
        counts[unit["readiness"]] += 1
    return counts


def said(units: Iterable[Mapping[str, Any]]) -> list[Said]:
    """What clusters say of what is not ready, the worst first, the same words once."""
    groups: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for unit in units:
        if unit["readiness"] not in {"READY", UNMERGED}:
            key = (unit["readiness"], unit["message"])
            components, clusters = groups.setdefault(key, (set(), set()))
            components.add(unit["component"])
            clusters.add(unit["cluster"])
    found = [Said(*key, sorted(groups[key][0]), sorted(groups[key][1])) for key in groups]
    found.sort(key=lambda e: (READINESS.index(e.readiness), -len(e.clusters), e.message))
    return found[:MOST_SAID]


def deeds(entries: Iterable[AuditEntry]) -> list[Deed]:
    """What was done, in words."""
    return [_deed(entry) for entry in entries]


def _deed(entry: AuditEntry) -> Deed:
    fields = entry.fields
    number, refused = fields.get("number"), fields.get("refused")
    about = {
        "push": f"wrote the branch {fields.get('branch')}",
        "open": f"opened merge request !{number}",
        "update": f"described merge request !{number} anew",
        "merge": f"merged !{number}",
    }.get(entry.kind, entry.kind)
    if refused:
        about = f"was refused: {entry.kind} {f'!{number}' if number else ''}: {refused}"
    return Deed(entry, str(fields.get("wave", "")), about, not refused)


def not_ready(wave: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """What a merged wave lacks, with the components and clusters that lack it; the most first."""
    found: dict[str, list[str]] = {}
    for each in wave["pending"]:
        found.setdefault(each["reason"], []).append(each["unit"])
    return sorted(found.items(), key=lambda item: -len(item[1]))
