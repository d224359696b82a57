"""The state machine of a rule: idle, pending, active, retracting.

`advance` is a pure function of the rule, its last state, the series of its signal, and time. It is
called in every pass; how often makes no difference. Without data it holds what is: it takes no step
in any direction, and a pending rule begins anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from planners.model.rules import Action, Evidence, Phase, Rule, RuleState
from planners.model.signals import MOST_SAMPLES, Sample, Series, SignalKind

HOUR = timedelta(hours=1)
Holds = Callable[[float], bool]


@dataclass(frozen=True, slots=True)
class Moment:
    """What a rule is judged by: the series of its signal, and time.

    `settled`: what it decided before is merged and ready, so that no change of it is open. `held`
    says what else keeps it from a further step, if anything.
    """

    series: Series
    now: datetime
    settled: bool = True
    held: str = ""


def begin(now: datetime) -> RuleState:
    """The state of a rule of which nothing is known: its cooldown begins."""
    return RuleState(Phase.IDLE, now)


def advance(rule: Rule, state: RuleState, moment: Moment) -> RuleState:
    """The state after now; the same state leads to the same one however often it is asked."""
    now = moment.now
    state = replace(state, moves=tuple(each for each in state.moves if now - each < HOUR))
    sample = moment.series.newest(now, rule.max_age)
    if sample is None or sample.value is None:
        return _without_data(rule, state, moment)
    if sample.value > rule.above:
        return _over(rule, state, moment, sample)
    if sample.value < rule.below or (rule.above == rule.below and sample.value <= rule.below):
        return _under(rule, state, moment, sample)
    kept = _resting(state, moment)
    between = f"{_seen(rule, sample)}, between {rule.below:g} and {rule.above:g}: stays as it is"
    return replace(kept, why=between)


def _without_data(rule: Rule, state: RuleState, moment: Moment) -> RuleState:
    newest = moment.series.samples[-1:] or (None,)
    last = newest[0]
    if last is None:
        seen = f"{rule.signal} is not known"
    elif last.value is None:
        seen = f"{rule.signal} has no value"
    elif last.at > moment.now:
        seen = f"the newest {rule.signal} is of the future ({_time(last.at)})"
    else:
        seen = f"{rule.signal} is from {_time(last.at)}, more than {_span(rule.max_age)} ago"
    return replace(_resting(state, moment), why=f"{seen}: stays as it is")


def _resting(state: RuleState, moment: Moment) -> RuleState:
    """The state when no condition holds: timers end, and what is retracted is over."""
    if state.steps:
        return replace(state, timer=None)
    waits = state.phase is Phase.RETRACTING and not moment.settled
    return replace(state, phase=Phase.RETRACTING if waits else Phase.IDLE, timer=None)


def _over(rule: Rule, state: RuleState, moment: Moment, sample: Sample) -> RuleState:
    """The condition for one step more holds."""
    now, taken = moment.now, len(state.steps)
    timer = _since(rule, state, moment, lambda value: value > rule.above)
    waiting = replace(state, timer=timer)
    seen = f"{_seen(rule, sample)}{_side(rule, over=True)} since {_time(timer)}"
    if taken >= rule.steps:
        most = "active" if rule.steps == 1 else f"active with all of its {rule.steps} steps"
        return replace(state, phase=Phase.ACTIVE, timer=None, why=f"{seen}: {most}")
    if not taken:
        waiting = replace(waiting, phase=Phase.PENDING)
    lasted = _lasted(rule, moment, sample) - timer
    reason = _too_early(rule, state, moment, lasted, further=state.phase is Phase.ACTIVE)
    if reason:
        return replace(waiting, why=f"{seen}: {reason}")
    assert sample.value is not None
    evidence = Evidence(sample.value, rule.above, sample.at, now)
    return replace(
        state,
        phase=Phase.ACTIVE,
        changed=now,
        steps=(*state.steps, evidence),
        epoch=state.epoch if taken else int(now.timestamp()),
        timer=None,
        moves=(*state.moves, now),
        recalled=False,
        why=f"{seen}: takes step {taken + 1} of {rule.steps}",
    )


def _under(rule: Rule, state: RuleState, moment: Moment, sample: Sample) -> RuleState:
    """The condition for one step less holds."""
    now, taken = moment.now, len(state.steps)
    timer = _since(rule, state, moment, lambda value: not value > rule.below)
    seen = f"{_seen(rule, sample)}{_side(rule, over=False)} since {_time(timer)}"
    if not taken:
        resting = _resting(state, moment)
        last = "what it added goes" if resting.phase is Phase.RETRACTING else "idle"
        return replace(resting, why=f"{seen}: {last}")
    lasted = _lasted(rule, moment, sample) - timer
    reason = _too_early(rule, state, moment, lasted, further=state.phase is Phase.RETRACTING)
    if reason:
        return replace(state, timer=timer, why=f"{seen}: {reason}")
    return replace(
        state,
        phase=Phase.RETRACTING,
        changed=now,
        steps=state.steps[:-1],
        epoch=state.epoch if taken > 1 else 0,
        timer=None,
        moves=(*state.moves, now),
        recalled=False,
        why=f"{seen}: gives step {taken} back",
    )


def _since(rule: Rule, state: RuleState, moment: Moment, holds: Holds) -> datetime:
    """Since when the condition holds, without a gap longer than a sample may be old.

    After a change it begins anew, so that what the change brought is seen. Where older samples are
    not kept, the state knows since when it holds.
    """
    samples = [each for each in moment.series.samples if each.at >= state.changed]
    first = samples[-1].at if samples else moment.now
    later = first
    for each in reversed(samples):
        if each.value is None or not holds(each.value) or later - each.at > rule.max_age:
            return first
        first = later = each.at
    known = state.timer if len(samples) >= MOST_SAMPLES else None
    return first if known is None else min(first, known)


def _lasted(rule: Rule, moment: Moment, sample: Sample) -> datetime:
    """Until when the condition is known to hold: an alert fires until it says otherwise."""
    return moment.now if rule.signal.kind is SignalKind.ALERT else sample.at


def _too_early(
    rule: Rule, state: RuleState, moment: Moment, lasted: timedelta, *, further: bool
) -> str:
    """Why a change waits, if it does; `further`: it goes in the direction of the last one."""
    now = moment.now
    if lasted < rule.hold:
        return f"changes when that has lasted {_span(rule.hold)}"
    if further and not moment.settled:
        return "waits until its last change is merged and ready"
    paced = further and not state.recalled
    distance = rule.pace if paced else rule.cooldown
    if now < state.changed + distance:
        name = "pace" if paced else "cooldown"
        return f"waits until {_time(state.changed + distance)} ({name} {_span(distance)})"
    return moment.held


def _seen(rule: Rule, sample: Sample) -> str:
    if rule.action is Action.FAILOVER:
        return f"{rule.signal.cluster} is {'silent or fails' if sample.value else 'well'}"
    return f"{rule.signal} is {sample.value:g}"


def _side(rule: Rule, *, over: bool) -> str:
    if rule.action is Action.FAILOVER:
        return ""
    return f", over {rule.above:g}" if over else f", not over {rule.below:g}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M:%S} UTC"


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    parts = [(seconds // 3600, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")]
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
