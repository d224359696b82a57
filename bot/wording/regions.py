"""Where the clusters of a plan are: one row for each region, from west to east.

The table of stages does not say it; with one region there is nothing to say.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from bot.wording.markdown import code, columns, fold, plural
from bot.wording.prose import names, say
from bot.wording.waves import label, steps_of
from planners.gating.evaluate import WaveStatus
from planners.model import Cluster

LABELS = ("region", "topology.kubernetes.io/region")
MOST_REGIONS, MOST_STAGES, NAMED = 30, 8, 5
HEAD = ["region", "clusters", "changes in"]


def regions_of(clusters: Iterable[Cluster]) -> Mapping[str, str]:
    """The region of each cluster that has one, from west to east; unplaced ones come last."""
    found: dict[str, list[Cluster]] = {}
    for each in clusters:
        name = next((each.labels[name] for name in LABELS if each.labels.get(name)), "")
        if name:
            found.setdefault(name, []).append(each)
    ordered = sorted(found, key=lambda name: (_longitude(found[name]), name))
    return {each.name: name for name in ordered for each in found[name]}


def _longitude(clusters: Sequence[Cluster]) -> float:
    known = [each.location.longitude for each in clusters if each.location is not None]
    return fmean(known) if known else float("inf")


def regions(wave_statuses: Sequence[WaveStatus], where: Mapping[str, str]) -> str:
    """A fold with the regions whose clusters change, and in which stages; empty with one region."""
    found: dict[str, dict[str, set[str]]] = {name: {} for name in dict.fromkeys(where.values())}
    for step in steps_of(wave_statuses):
        for cluster in {each for wave in step for each in wave.change.clusters}:
            if cluster in where:
                found[where[cluster]].setdefault(label(step), set()).add(cluster)
    changing = {name: stages for name, stages in found.items() if stages}
    if len(changing) < 2:  # noqa: PLR2004 - a table of one row says nothing
        return ""
    rows = [_row(name, stages) for name, stages in changing.items()]
    left = len(rows) - MOST_REGIONS
    more = f"\n\nand {plural(left, 'more region')}" if left > 0 else ""
    title = say(f"{plural(len(changing), 'region')}: {{}}", names(changing, NAMED))
    return fold(title.html(), columns(HEAD, rows[:MOST_REGIONS]) + more)


def _row(name: str, stages: Mapping[str, set[str]]) -> list[str]:
    every = {each for clusters in stages.values() for each in clusters}
    told = [f"{code(stage)}: {len(clusters):,}" for stage, clusters in stages.items()]
    left = len(told) - MOST_STAGES
    more = f" and {plural(left, 'more stage')}" if left > 0 else ""
    return [code(name), f"{len(every):,}", f"{', '.join(told[:MOST_STAGES])}{more}"]
