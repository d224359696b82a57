"""Which units of a plan are there, or as they are, because of which decision.

Each of them has a file that says so; it is how a service that lost its database finds what was
decided.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from planners.model import Unit
from planners.model.rules import Action, Decision, Record, Records, Rule
from planners.model.snapshot import Snapshot
from planners.rules.deviations import choosing

Steps = Mapping[str, Mapping[int, str]]


def records_of(snapshot: Snapshot, units: Iterable[Unit], steps: Steps) -> Records:
    """The records of a plan's units; `steps` are the clusters of each burst, by step."""
    rules = {each.name: each for each in snapshot.application.rules}
    planned, found = frozenset(units), dict[Unit, list[Record]]()
    for decision in snapshot.decisions if planned else ():
        for unit, record in _records(snapshot, decision, rules.get(decision.rule), planned, steps):
            found.setdefault(unit, []).append(record)
    return {unit: tuple(found[unit]) for unit in sorted(found)}


def _records(
    snapshot: Snapshot,
    decision: Decision,
    rule: Rule | None,
    planned: frozenset[Unit],
    steps: Steps,
) -> Iterator[tuple[Unit, Record]]:
    if not decision.epoch:
        return
    if decision.action is Action.FAILOVER:
        for unit in _replacements(snapshot, decision, planned):
            yield unit, _record(decision, 1)
        return
    for component in rule.components if rule is not None else ():
        if decision.action is Action.ADD_CLUSTERS:
            for step, cluster in steps.get(decision.rule, {}).items():
                if Unit(component, cluster) in planned:
                    yield Unit(component, cluster), _record(decision, step)
            continue
        one = Unit(component, decision.cluster)
        units = planned & {one} if decision.cluster else planned
        for unit in units:
            if unit.component == component:
                yield unit, _record(decision, len(decision.steps))


def _record(decision: Decision, step: int) -> Record:
    return Record(
        decision.rule,
        decision.action,
        decision.epoch,
        step,
        decision.signal,
        decision.steps[step - 1],
        decision.cluster,
    )


def _replacements(
    snapshot: Snapshot, decision: Decision, planned: frozenset[Unit]
) -> Iterator[Unit]:
    """The units that came because another cluster failed, as long as that one is left."""
    base = snapshot.base
    for component in choosing(snapshot.application):
        leaves = Unit(component, decision.cluster) in base.entries
        for unit in planned:
            if unit.component != component:
                continue
            known = (each.key for each in base.records.get(unit, ()))
            if decision.key in known or (leaves and unit not in base.entries):
                yield unit


def scaled(records: Iterable[Record] | None) -> frozenset[Record]:
    """Those of rules that set replicas: they say how a unit is, and never why it is there."""
    return frozenset(each for each in records or () if each.action is Action.SET_REPLICAS)


def held_back(snapshot: Snapshot) -> Snapshot:
    """The Snapshot with only those decisions that are merged already."""
    merged: dict[object, int] = {}
    for records in snapshot.base.records.values():
        for record in records:
            merged[record.key] = max(record.step, merged.get(record.key, 0))
    kept = (
        replace(each, steps=each.steps[: merged.get(each.key, 0)]) if each.epoch else each
        for each in snapshot.decisions
    )
    return replace(snapshot, decisions=tuple(each for each in kept if each.steps))
