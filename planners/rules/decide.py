"""Advances the rules of an application, and says what follows: decisions, inputs of the plan.

Called once in each pass, before planning. Its states are kept beside the queue; where they are
lost, the records in the deploy repo say what was decided.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from planners.model.rules import (
    FAILOVER,
    Action,
    Decision,
    Rule,
    RuleKey,
    RuleState,
    States,
)
from planners.model.signals import Series, SignalKey, SignalKind
from planners.model.snapshot import Snapshot
from planners.rules.failover import FAILS, due_failovers, fail_over
from planners.rules.machine import Moment, advance
from planners.rules.memory import Memory

EVERYWHERE = frozenset({SignalKind.SCHEDULE, SignalKind.METRIC})
"""Signals that are of no cluster: demand by them is everywhere."""


def decide(snapshot: Snapshot) -> Snapshot:
    """The Snapshot with the states of its rules as they are now, and what they decide."""
    memory = Memory.of(snapshot)
    states = dict(_advanced(memory))
    states |= fail_over(snapshot, memory)
    return with_states(snapshot, states)


def with_states(snapshot: Snapshot, states: States) -> Snapshot:
    """The Snapshot with these states, and the decisions that follow from them."""
    decisions = tuple(_decisions(snapshot, states))
    return replace(snapshot, rule_states=states, decisions=decisions)


def undecided(snapshot: Snapshot) -> Snapshot:
    """The Snapshot with the states as they were; for plans that nobody carries out."""
    memory = Memory.of(snapshot)
    keys = {key: memory.state_on(rule, key.cluster) for rule, key in _keys(memory)}
    lost = {key: memory.state(key) for key in memory.records if key not in keys}
    return with_states(snapshot, {**lost, **keys, **snapshot.rule_states})


def watched(snapshot: Snapshot) -> Iterator[SignalKey]:
    """The signals that the application's rules watch, on every cluster that reports any."""
    for rule in snapshot.application.rules:
        yield rule.signal
        if _by_cluster(rule):
            for name in sorted({*snapshot.facts, *(c.name for c in snapshot.clusters)}):
                yield rule.signal_on(name)


def due_times(snapshot: Snapshot) -> Iterator[datetime]:
    """When rules whose condition holds may take a step, unless their signals change before."""
    for rule in snapshot.application.rules:
        for key, state in snapshot.rule_states.items():
            if key.rule == rule.name and state.timer is not None:
                yield state.timer + rule.hold
                yield from (state.changed + rule.pace, state.changed + rule.cooldown)
    yield from due_failovers(snapshot)


def _by_cluster(rule: Rule) -> bool:
    return rule.action is Action.ON_DEMAND and rule.signal.kind not in EVERYWHERE


def _keys(memory: Memory) -> Iterator[tuple[Rule, RuleKey]]:
    """The states that each rule has: one, or one for each cluster that demand is known of."""
    snapshot = memory.snapshot
    for rule in snapshot.application.rules:
        if not _by_cluster(rule):
            yield rule, RuleKey(rule.name)
            continue
        signals = {each.cluster for each in snapshot.signals if _is_of(each, rule)}
        signals |= memory.running(rule)
        signals |= {key.cluster for key in snapshot.rule_states if key.rule == rule.name}
        known = signals & {each.name for each in snapshot.clusters}
        yield from ((rule, RuleKey(rule.name, cluster)) for cluster in sorted(known))


def _is_of(signal: SignalKey, rule: Rule) -> bool:
    return (signal.kind, signal.name) == (rule.signal.kind, rule.signal.name)


def _advanced(memory: Memory) -> Iterator[tuple[RuleKey, RuleState]]:
    snapshot = memory.snapshot
    for rule, key in _keys(memory):
        state = memory.state_on(rule, key.cluster)
        series = snapshot.signals.get(rule.signal_on(key.cluster), Series())
        settled = memory.is_settled(rule, key, state)
        moment = Moment(series, snapshot.now, settled, _held(snapshot, rule))
        yield key, advance(replace(rule, signal=rule.signal_on(key.cluster)), state, moment)


def _held(snapshot: Snapshot, rule: Rule) -> str:
    """Replicas are of units that a rollout under way changes too, whose approvals would fall."""
    if rule.action is not Action.SET_REPLICAS:
        return ""
    other = any(not branch.rules for branch in snapshot.open_branches)
    return "waits for the rollout that is under way" if other else ""


def _decisions(snapshot: Snapshot, states: States) -> Iterator[Decision]:
    rules = {FAILOVER: FAILS, **{each.name: each for each in snapshot.application.rules}}
    for key, state in sorted(states.items(), key=lambda each: (each[0].rule, each[0].cluster)):
        rule = rules.get(key.rule)
        steps = state.steps[: rule.steps] if rule is not None else ()
        if rule is not None and steps:
            signal = str(rule.signal_on(key.cluster))
            yield Decision(key.rule, rule.action, state.epoch, steps, signal, key.cluster)
