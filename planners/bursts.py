"""Places an application with what its rules have decided; bursts take clusters here.

The placement without bursts comes first: it says which clusters are free to take, and it is what an
application returns to. A burst takes the clusters that it has, then the best of the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from planners.model import ClusterCount, PlanProblem, Unit
from planners.model.fleet_files import FleetFiles
from planners.model.requests import WorkloadRequests
from planners.model.rules import Action, Decision, Record, Records, Rule
from planners.model.snapshot import Snapshot
from planners.optimizer.repair import place_all
from planners.placement.arrays import Mask
from planners.placement.evaluate import Evaluator
from planners.placement.groups import PlacementGroup
from planners.placement.place import Placement
from planners.placement.rank import score_fleet
from planners.rules.deviations import with_deviations

Workloads = Mapping[Unit, tuple[WorkloadRequests, ...]]


@dataclass(frozen=True, slots=True)
class RuledPlacement:
    """The placement, the clusters of each burst by step, and what no cluster was found for."""

    placement: Placement
    steps: Mapping[str, Mapping[int, str]]
    warnings: tuple[PlanProblem, ...] = ()


def place_with_rules(
    snapshot: Snapshot, workloads: Workloads, evaluator: Evaluator
) -> RuledPlacement:
    """Place all components, and give every burst its clusters."""
    bursts = _bursts(snapshot)
    base = place_all(with_deviations(_without_bursts(snapshot), {}), workloads, evaluator)
    if not bursts:
        return RuledPlacement(base, {})
    taken = {rule.name: _take(base, rule, decision) for rule, decision in bursts}
    added = {name: tuple(steps.values()) for name, steps in taken.items()}
    placement = place_all(with_deviations(snapshot, added), workloads, evaluator)
    warnings = tuple(
        PlanProblem(
            f"rule {rule.name} takes {len(taken[rule.name])} of {len(decision.steps)} clusters: no "
            f"other cluster that it may take has room"
        )
        for rule, decision in bursts
        if len(taken[rule.name]) < len(decision.steps)
    )
    return RuledPlacement(placement, taken, warnings)


def _bursts(snapshot: Snapshot) -> list[tuple[Rule, Decision]]:
    rules = {each.name: each for each in snapshot.application.rules}
    return [
        (rules[each.rule], each)
        for each in snapshot.decisions
        if each.action is Action.ADD_CLUSTERS and each.rule in rules
    ]


def burst_records(snapshot: Snapshot) -> dict[Unit, Record]:
    """The units that bursts have added, merged or proposed."""
    every: list[Records] = [snapshot.base.records]
    every += [each.records for each in snapshot.open_branches]
    return {
        unit: record
        for records in every
        for unit, each in records.items()
        for record in each
        if record.action is Action.ADD_CLUSTERS
    }


def _without_bursts(snapshot: Snapshot) -> Snapshot:
    """The Snapshot as if no burst had ever added a unit: they attract no choice."""
    added = burst_records(snapshot).keys()
    if not added:
        return snapshot
    base = snapshot.base
    others = {unit: files for unit, files in base.entries.items() if unit not in added}
    requests = tuple(
        replace(each, branch=replace(each.branch, units=each.branch.units - added))
        if each.branch is not None
        else each
        for each in snapshot.merge_requests
    )
    return replace(
        snapshot, base=replace(base, entries=FleetFiles.of(others)), merge_requests=requests
    )


def _take(base: Placement, rule: Rule, decision: Decision) -> dict[int, str]:
    """The clusters of a burst by step."""
    columns = base.columns
    admitted = _admitted(base, rule)
    free = set() if admitted is None else set(columns.named(admitted))
    had = {
        record.step: unit.cluster
        for unit, record in sorted(burst_records(base.allocation.snapshot).items())
        if record.rule == rule.name and unit.component == rule.components[0]
    }
    wanted = range(1, len(decision.steps) + 1)
    found: dict[int, str] = {}
    for step in wanted:
        cluster = had.get(step)
        if cluster in free:
            found[step] = cluster
            free.remove(cluster)
    others = [name for name in _order(base, rule) if name in free]
    missing = [step for step in wanted if step not in found]
    return dict(sorted((found | dict(zip(missing, others, strict=False))).items()))


def _groups(base: Placement, rule: Rule) -> Sequence[PlacementGroup]:
    """What each component of the rule may take: one of the clusters that its placement selects."""
    application = base.allocation.snapshot.application
    found = []
    for name in rule.components:
        component = application.component(name)
        intent = next((each for each in application.placements if name in each.components), None)
        if component is None or intent is None:
            continue
        selectors = (rule.clusters,) if rule.clusters is not None else intent.selectors
        found.append(PlacementGroup(component, intent, selectors, ClusterCount(0, rule.most)))
    return found


def _admitted(base: Placement, rule: Rule) -> Mask | None:
    """The clusters that take all components of the rule, and have none of them yet."""
    found: Mask | None = None
    for group in _groups(base, rule):
        admitted = base.evaluator.evaluate(group.request(base.allocation)).admitted
        free = admitted & ~base.allocation.placed(group.component.name)
        found = free if found is None else found & free
    return found


def _order(base: Placement, rule: Rule) -> list[str]:
    """All clusters, the best first."""
    groups = _groups(base, rule)
    if not groups:
        return []
    request = groups[0].request(base.allocation)
    order = score_fleet(request, base.evaluator.scores).order.tolist()
    return [base.columns.names[at] for at in order]
