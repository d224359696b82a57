"""Intents that have no effect, because what they select is nowhere placed. Warnings of a plan."""

from collections.abc import Iterator, Sequence

from planners.model import (
    Cluster,
    CustomizationIntent,
    ExceptionRule,
    PlacementIntent,
    PlanProblem,
    Unit,
)
from planners.model.rules import FAILOVER
from planners.model.selectors import Selector
from planners.model.snapshot import Snapshot


def idle_intents(snapshot: Snapshot, units: Sequence[Unit]) -> Iterator[PlanProblem]:
    """What each intent without effect selects; `units` is what is placed."""
    application = snapshot.application
    known = {each.name: each for each in snapshot.clusters}
    placed: dict[str, list[Cluster]] = {each.name: [] for each in application.components}
    for unit in units:
        placed[unit.component].append(known[unit.cluster])
    if placed:
        yield from _stages(snapshot, {cluster.name: cluster for cluster in _all(placed)})
    for change in application.customizations:
        yield from _customization(change, placed)
    for rule in application.exceptions:
        if rule.holds(snapshot.now):
            yield from _exception(rule, placed, snapshot)
    for intent in application.placements:
        yield from _weights(intent, placed)
    yield from _automatic(snapshot)


def _all(placed: dict[str, list[Cluster]]) -> list[Cluster]:
    return [cluster for clusters in placed.values() for cluster in clusters]


def _stages(snapshot: Snapshot, clusters: dict[str, Cluster]) -> Iterator[PlanProblem]:
    """Stages without a cluster of their own: nothing is placed there, or earlier ones took it."""
    left = dict(clusters)
    for stage in snapshot.application.stages:
        if stage.clusters is None:
            return
        taken = [name for name, each in left.items() if stage.clusters.matches(each)]
        if not taken:
            matched = any(stage.clusters.matches(each) for each in clusters.values())
            reason = (
                "selects only clusters that earlier stages take"
                if matched
                else "selects no cluster on which a component is placed"
            )
            message = f"stage {stage.name} ({stage.clusters}) {reason}: the rollout skips it"
            yield PlanProblem(message, stage.position)
        for name in taken:
            del left[name]


def _customization(
    change: CustomizationIntent, placed: dict[str, list[Cluster]]
) -> Iterator[PlanProblem]:
    if any(
        change.applies_to(component, cluster)
        for component in change.components
        for cluster in placed.get(component, ())
    ):
        return
    excluded = f" except {change.excluded}" if change.excluded is not None else ""
    yield PlanProblem(
        f"customisation {change.name} has no effect: "
        f"{', '.join(change.components)} runs on no cluster that it selects "
        f"({change.clusters or Selector()}{excluded})",
        change.position,
    )


def _selected(name: str, rule: ExceptionRule, snapshot: Snapshot) -> bool:
    """Whether a placement of the exception's components selects that cluster."""
    cluster = snapshot.cluster(name)
    intents = [
        each for each in snapshot.application.placements if {*each.components} & {*rule.components}
    ]
    return cluster is not None and any(each.selects(cluster) for each in intents)


def _exception(
    rule: ExceptionRule, placed: dict[str, list[Cluster]], snapshot: Snapshot
) -> Iterator[PlanProblem]:
    components = ", ".join(rule.components)
    clusters = {each.name: each for name in rule.components for each in placed.get(name, ())}
    for name in rule.add:
        if name not in clusters:
            message = f"the exception adds {name}, but {components} is not placed there"
            yield PlanProblem(message, rule.position)
    for name in () if rule.rule else rule.remove:
        if not _selected(name, rule, snapshot):
            message = f"the exception removes {name}, which no placement of {components} selects"
            yield PlanProblem(message, rule.position)
    if rule.replicas is not None and not any(map(rule.clusters.matches, clusters.values())):
        yield PlanProblem(
            f"the exception for replicas has no effect: {components} runs on no cluster that it "
            f"selects ({rule.clusters})",
            rule.position,
        )


def _weights(intent: PlacementIntent, placed: dict[str, list[Cluster]]) -> Iterator[PlanProblem]:
    clusters = [each for name in intent.components for each in placed.get(name, ())]
    for weight in intent.replicas.weights if intent.replicas is not None else ():
        if not any(map(weight.clusters.matches, clusters)):
            yield PlanProblem(
                f"the weight {weight.weight} has no effect: {', '.join(intent.components)} runs on "
                f"no cluster that it selects ({weight.clusters})",
                intent.position,
            )


def _automatic(snapshot: Snapshot) -> Iterator[PlanProblem]:
    """Rules that policies let act without a person, and that do not exist."""
    application = snapshot.application
    known = {each.name for each in application.rules}
    if any(policy.failover for policy in snapshot.policies):
        known.add(FAILOVER)
    for policy in snapshot.policies:
        for each in policy.automatic:
            if each.application == application.name and each.rule not in known:
                yield PlanProblem(
                    f"policy {policy.name} lets rule {each.rule} act without a person, but "
                    f"{application.name} has no such rule (it has "
                    f"{', '.join(sorted(known)) or 'none'}): correct the name in the fleet repo"
                )
