"""In which order: dependency levels, stages and batches become waves. Called by `plan`."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from planners.model import Cluster, Component, Stage, Unit

EVERYWHERE = Stage("all")
LEFTOVERS = "others"
REMOVAL = "remove"


@dataclass(frozen=True, slots=True)
class Wave:
    """What may merge together: the components of one level on the clusters of one batch.

    `step` counts stages and batches from 0 in the order of the rollout: a step begins when all
    units of the steps before it are ready. A removal's units are taken away instead of written.
    """

    name: str
    stage: Stage
    step: int
    level: int
    units: tuple[Unit, ...]
    removal: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """The clusters that move at the same time: a stage, or a batch of one."""

    label: str
    stage: Stage
    clusters: tuple[str, ...]


def levels(components: Iterable[Component]) -> dict[str, int]:
    """Each component's level: 0 without dependencies, else one more than its highest dependency.

    Raises:
        ValueError: the dependencies form a cycle, named in the direction of the arrows.
    """
    needs = {
        part.name: [need.component for need in part.depends_on if need.application is None]
        for part in components
    }
    found: dict[str, int] = {}
    try:
        for name in TopologicalSorter(needs).static_order():
            below = [found[need] for need in needs.get(name, [])]
            found[name] = 1 + max(below) if below else 0
    except CycleError as cycle:
        path = " -> ".join(reversed(cycle.args[1]))
        raise ValueError(f"dependencies form a cycle: {path}") from cycle
    return found


def steps(stages: Sequence[Stage], clusters: Iterable[Cluster]) -> tuple[Step, ...]:
    """Deal the clusters out to stages (the first that selects them) and cut these into batches.

    Clusters that no stage selects make a last stage, `others`.
    """
    left = sorted(clusters, key=lambda cluster: cluster.name)
    found: list[Step] = []
    for stage in stages or (EVERYWHERE,):
        mine = [each for each in left if stage.clusters is None or stage.clusters.matches(each)]
        dealt = {each.name for each in mine}
        left = [each for each in left if each.name not in dealt]
        found += _parts(stage, mine)
    return (*found, *_parts(Stage(LEFTOVERS), left))


def _parts(stage: Stage, clusters: Sequence[Cluster]) -> list[Step]:
    """The batches of a stage; with `by`, of each value of that label, then of those without it."""
    if stage.by is None:
        return _batches(stage, stage.name, [each.name for each in clusters])
    values = sorted({each.labels.get(stage.by, "") for each in clusters}, key=lambda v: (not v, v))
    found: list[Step] = []
    for value in values:
        mine = [each.name for each in clusters if each.labels.get(stage.by, "") == value]
        found += _batches(stage, f"{stage.name}-{value.lower() or LEFTOVERS}", mine)
    return found


def _batches(stage: Stage, label: str, clusters: Sequence[str]) -> list[Step]:
    size = len(clusters)
    if stage.max_at_once is not None:
        size = stage.max_at_once
    elif stage.max_at_once_percent is not None:
        size = math.ceil(len(clusters) * stage.max_at_once_percent / 100)
    if size >= len(clusters):
        return [Step(label, stage, tuple(clusters))] if clusters else []
    starts = range(0, len(clusters), size)
    return [
        Step(f"{label}.{number}", stage, tuple(clusters[start : start + size]))
        for number, start in enumerate(starts, 1)
    ]


def waves(
    components: Sequence[Component], rollout: Sequence[Step], units: Iterable[Unit]
) -> tuple[Wave, ...]:
    """One wave for each step and level that has a unit, in the order of the rollout."""
    level = levels(components)
    step_of = {cluster: index for index, step in enumerate(rollout) for cluster in step.clusters}
    members: dict[tuple[int, int], list[Unit]] = {}
    for unit in sorted(units):
        members.setdefault((step_of[unit.cluster], level[unit.component]), []).append(unit)
    return tuple(
        Wave(
            f"{rollout[step].label}.{height + 1}",
            rollout[step].stage,
            step,
            height,
            tuple(members[step, height]),
        )
        for step, height in sorted(members)
    )


def removals(components: Sequence[Component], gone: Iterable[Unit], step: int) -> tuple[Wave, ...]:
    """Waves that take units away, dependants before what they depend on.

    Components that the application no longer names go first: nothing that stays can need them. A
    wave's number follows from its level, so that it keeps its name while others are merged.
    """
    level: Mapping[str, int] = levels(components)
    top = max(level.values(), default=-1) + 1
    members: dict[int, list[Unit]] = {}
    for unit in sorted(gone):
        members.setdefault(top - level.get(unit.component, top), []).append(unit)
    return tuple(
        Wave(
            f"{REMOVAL}.{number + 1}",
            Stage(REMOVAL),
            step,
            number,
            tuple(members[number]),
            removal=True,
        )
        for number in sorted(members)
    )
