"""What decisions mean for the placement: exceptions, as people write them, made by rules.

So filters, choices, ledger and explanations hold for them as they are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from planners.model import AnyOf, Application, ExceptionRule
from planners.model.rules import Action, Decision, Rule
from planners.model.snapshot import Snapshot

Added = Mapping[str, tuple[str, ...]]
"""The clusters that each rule adds."""


def with_deviations(snapshot: Snapshot, added: Added) -> Snapshot:
    """The Snapshot whose application has the exceptions that follow from its decisions."""
    made = tuple(_deviations(snapshot, added))
    if not made:
        return snapshot
    application = snapshot.application
    exceptions = (*application.exceptions, *made)
    return replace(snapshot, application=replace(application, exceptions=exceptions))


def _deviations(snapshot: Snapshot, added: Added) -> Iterator[ExceptionRule]:
    rules = {each.name: each for each in snapshot.application.rules}
    for each in rules.values():
        if each.action is Action.ON_DEMAND:
            yield from _on_demand(snapshot, each)
    for decision in snapshot.decisions:
        rule, reason = rules.get(decision.rule), decision.reason
        match decision.action:
            case Action.FAILOVER:
                components = choosing(snapshot.application)
                yield _exception(decision, components, remove=(decision.cluster,))
            case Action.ADD_CLUSTERS if rule is not None and added.get(rule.name):
                yield _exception(decision, rule.components, add=added[rule.name])
            case Action.SET_REPLICAS if rule is not None and rule.workload is not None:
                yield ExceptionRule(
                    rule.components,
                    reason,
                    replicas=rule.replicas[len(decision.steps) - 1],
                    kind=rule.workload.kind,
                    name=rule.workload.name,
                    rule=rule.name,
                    position=rule.position,
                )


def _exception(
    decision: Decision,
    components: tuple[str, ...],
    *,
    add: tuple[str, ...] = (),
    remove: tuple[str, ...] = (),
) -> ExceptionRule:
    reason = decision.reason
    return ExceptionRule(components, reason, add=add, remove=remove, rule=decision.rule)


def _on_demand(snapshot: Snapshot, rule: Rule) -> Iterator[ExceptionRule]:
    """The components leave every cluster on which there is no demand."""
    wanted = {each.cluster for each in snapshot.decisions if each.rule == rule.name}
    if "" in wanted:
        return
    without = tuple(each.name for each in snapshot.clusters if each.name not in wanted)
    if without:
        reason = f"no demand: {rule.signal} has not been over {rule.above:g}"
        yield ExceptionRule(
            rule.components, reason, remove=without, rule=rule.name, position=rule.position
        )


def choosing(application: Application) -> tuple[str, ...]:
    """The components that are placed by choices alone, so that they can be elsewhere."""
    fixed = {
        name
        for intent in application.placements
        for name in intent.components
        if any(not isinstance(each, AnyOf) for each in intent.all_of)
    }
    placed = {name for intent in application.placements for name in intent.components}
    return tuple(sorted(placed - fixed))
