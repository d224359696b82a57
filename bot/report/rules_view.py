"""The view of an application's rules: their states, limits, signals, and steps."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from bot.context import Context
from bot.report.model import RULES, RulesView, RuleView, SampleView
from bot.wording.rules import failover_limits, limits
from planners.model.rules import FAILOVER, Evidence, Phase, Rule, RuleKey, RuleState, reason_of
from planners.model.signals import Series
from planners.model.snapshot import Snapshot
from planners.rules.failover import FAILS, rule_of

MOST_RULES = 200
MOST_SAMPLES = 120


async def show_rules(context: Context, snapshot: Snapshot) -> None:
    """Save the view of an application's rules, if it has any."""
    views, name = context.store.views, snapshot.application.name
    view = rules_view(snapshot)
    if view.rules:
        await asyncio.to_thread(views.save, RULES, name, view)


def rules_view(snapshot: Snapshot) -> RulesView:
    """The view; of many rules on many clusters those that are not idle come first."""
    states = snapshot.rule_states
    ordered = sorted(states, key=lambda key: (states[key].phase is Phase.IDLE, _place(key)))
    shown = ordered[:MOST_RULES]
    views = tuple(_rule_view(snapshot, key) for key in sorted(shown, key=_place))
    return RulesView(snapshot.now, views, len(states) - len(shown))


def _place(key: RuleKey) -> tuple[bool, str, str]:
    return key.rule == FAILOVER, key.rule, key.cluster


def _rule_view(snapshot: Snapshot, key: RuleKey) -> RuleView:
    state = snapshot.rule_states[key]
    view = RuleView(key.rule, key.cluster, state.phase.value, state.changed, state.why)
    rule = next((each for each in snapshot.application.rules if each.name == key.rule), None)
    if rule is not None:
        return _with_signal(snapshot, view, rule, state)
    cluster = snapshot.cluster(key.cluster)
    failover = rule_of(snapshot, cluster) if cluster is not None else None
    if failover is None or state.phase is Phase.IDLE:
        return view
    told = failover_limits(failover, snapshot.application.name, snapshot.policies)
    steps = tuple(_steps(FAILS, key.cluster, state.steps))
    return replace(view, limits=tuple(told), steps=steps)


def _with_signal(snapshot: Snapshot, view: RuleView, rule: Rule, state: RuleState) -> RuleView:
    signal = rule.signal_on(view.cluster)
    series = snapshot.signals.get(signal, Series()).samples[-MOST_SAMPLES:]
    return RuleView(
        view.rule,
        view.cluster,
        view.phase,
        view.changed,
        view.why,
        limits=tuple(limits(rule, snapshot.application.name, snapshot.policies)),
        signal=str(signal),
        above=rule.above,
        below=rule.below,
        max_age=rule.max_age,
        samples=tuple(SampleView(each.at, each.value) for each in series),
        steps=tuple(_steps(rule, view.cluster, state.steps)),
    )


def _steps(rule: Rule, cluster: str, steps: tuple[Evidence, ...]) -> Iterator[str]:
    for each in steps:
        yield reason_of(rule.action, cluster, str(rule.signal_on(cluster)), each)
