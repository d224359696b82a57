"""Orders a rollout: dependency levels, stages and batches become waves."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from planners.model import Application, Cluster, Component, Stage, Unit

EVERYWHERE = Stage("all")
LEFTOVERS = "others"
REMOVAL = "remove"
BEFORE_REMOVAL = "before-remove"
BEFORE_ROLLBACK, AFTER_ROLLBACK = "rollback-before", "rollback-after"
ROLLBACK_GATES = frozenset({BEFORE_ROLLBACK, AFTER_ROLLBACK})
"""The stages of gates that run in the cluster before and after other waves."""
RULES = "rules"


@dataclass(frozen=True, slots=True)
class Wave:
    """Units that may merge together: the components of one level on the clusters of one batch.

    `step` counts batches from 0 in rollout order: a step begins when all units of the earlier steps
    are ready. A `removal` deletes its units. `by_rule`: they are there because of rules.
    """

    name: str
    stage: Stage
    step: int
    level: int
    units: tuple[Unit, ...]
    removal: bool = False
    by_rule: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Clusters that are updated at the same time: a stage, or one batch of a stage."""

    label: str
    stage: Stage
    clusters: tuple[str, ...]


def levels(components: Iterable[Component]) -> dict[str, int]:
    """Each component's level: 0 without dependencies, else one above its highest dependency.

    Raises:
        ValueError: the dependencies form a cycle; the message lists it.
    """
    dependencies = {
        part.name: [each.component for each in part.depends_on if each.application is None]
        for part in components
    }
    result: dict[str, int] = {}
    try:
        for name in TopologicalSorter(dependencies).static_order():
            below = [result[each] for each in dependencies.get(name, [])]
            result[name] = 1 + max(below) if below else 0
    except CycleError as cycle:
        path = " -> ".join(reversed(cycle.args[1]))
        raise ValueError(f"dependency cycle: {path}") from cycle
    return result


def depends_on(components: Mapping[str, Component], start: str, end: str) -> bool:
    """Whether `start` depends on `end`, directly or transitively."""
    pending, seen = [start], set()
    while pending:
        name = pending.pop()
        if name == end:
            return True
        if name in components and name not in seen:
            seen.add(name)
            needs = components[name].depends_on
            pending += [need.component for need in needs if need.application is None]
    return False


def steps(stages: Sequence[Stage], clusters: Iterable[Cluster]) -> tuple[Step, ...]:
    """Assign each cluster to the first stage that selects it, and split the stages into batches.

    Clusters that no stage selects form a final stage, `others`.
    """
    remaining = sorted(clusters, key=lambda cluster: cluster.name)
    result: list[Step] = []
    for stage in stages or (EVERYWHERE,):
        selected = [
            each for each in remaining if stage.clusters is None or stage.clusters.matches(each)
        ]
        names = {each.name for each in selected}
        remaining = [each for each in remaining if each.name not in names]
        result += _split(stage, selected)
    return (*result, *_split(Stage(LEFTOVERS), remaining))


def _split(stage: Stage, clusters: Sequence[Cluster]) -> list[Step]:
    """The batches of a stage; with `by`, separately for each value of the label, unset last."""
    if stage.by is None:
        return _batches(stage, stage.name, [each.name for each in clusters])
    values = sorted({each.labels.get(stage.by, "") for each in clusters}, key=lambda v: (not v, v))
    result: list[Step] = []
    for value in values:
        names = [each.name for each in clusters if each.labels.get(stage.by, "") == value]
        result += _batches(stage, f"{stage.name}-{value.lower() or LEFTOVERS}", names)
    return result


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
    """One wave for each step and level with units, in rollout order."""
    level_of = levels(components)
    step_of = {cluster: index for index, step in enumerate(rollout) for cluster in step.clusters}
    members: dict[tuple[int, int], list[Unit]] = {}
    for unit in sorted(units):
        members.setdefault((step_of[unit.cluster], level_of[unit.component]), []).append(unit)
    return tuple(
        Wave(
            name=f"{rollout[step].label}.{level + 1}",
            stage=rollout[step].stage,
            step=step,
            level=level,
            units=tuple(members[step, level]),
        )
        for step, level in sorted(members)
    )


def rule_waves(
    application: Application,
    clusters: Iterable[Cluster],
    rollout: Sequence[Step],
    units: Iterable[Unit],
) -> tuple[Wave, ...]:
    """Waves of units that rules add or move, apart from those that people approve.

    One for each stage and level. It goes with the last batch of its stage.
    """
    level_of = levels(application.components)
    by_name = {each.name: each for each in clusters}
    stages = (*(application.stages or (EVERYWHERE,)), Stage(LEFTOVERS))
    members: dict[tuple[int, int], list[Unit]] = {}
    for unit in sorted(units):
        cluster = by_name[unit.cluster]
        at = next(
            i for i, e in enumerate(stages) if e.clusters is None or e.clusters.matches(cluster)
        )
        members.setdefault((at, level_of[unit.component]), []).append(unit)
    found = []
    for at, level in sorted(members):
        earlier = {each.name for each in stages[: at + 1]}
        step = max((i for i, each in enumerate(rollout) if each.stage.name in earlier), default=0)
        name = f"{RULES}-{stages[at].name}.{level + 1}"
        wave = Wave(name, stages[at], step, level, tuple(members[at, level]), by_rule=True)
        found.append(wave)
    return tuple(found)


def gate_wave(name: str, units: Iterable[Unit], step: int) -> tuple[Wave, ...]:
    """The wave of gates that run in the cluster before or after others; none without units."""
    members = tuple(sorted(units))
    return (Wave(f"{name}.1", Stage(name), step, 0, members),) if members else ()


def removals(
    components: Sequence[Component], removed: Iterable[Unit], step: int
) -> tuple[Wave, ...]:
    """Waves that delete units, dependants before their dependencies.

    Components that the application no longer has go first, because nothing that remains depends on
    them. A wave's name follows from its level, so that it does not change while others merge.
    """
    level_of: Mapping[str, int] = levels(components)
    top = max(level_of.values(), default=-1) + 1
    members: dict[int, list[Unit]] = {}
    for unit in sorted(removed):
        members.setdefault(top - level_of.get(unit.component, top), []).append(unit)
    return tuple(
        Wave(
            name=f"{REMOVAL}.{level + 1}",
            stage=Stage(REMOVAL),
            step=step,
            level=level,
            units=tuple(members[level]),
            removal=True,
        )
        for level in sorted(members)
    )
