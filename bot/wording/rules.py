"""What rules have decided and what they watch, in sentences."""

from collections.abc import Iterator, Sequence

from bot.wording.markdown import code, plural
from planners.model import Application
from planners.model.rules import Action, Decision, Rule, States

MOST_LINES = 20


def section(application: Application, decisions: Sequence[Decision]) -> str:
    """One line for each decision in force, and for each rule that has decided nothing."""
    decided = {each.rule for each in decisions}
    idle = [rule for rule in application.rules if rule.name not in decided]
    lines = [*map(_decision, decisions), *map(_idle, idle)]
    more = [f"- and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more])


def _decision(decision: Decision) -> str:
    where = f" on {code(decision.cluster)}" if decision.cluster else ""
    steps = plural(len(decision.steps), "step")
    return f"- {code(decision.rule)}{where} is active, {steps}: {decision.reason}."


def _idle(rule: Rule) -> str:
    seconds = int(rule.hold.total_seconds())
    where = " on a cluster" if rule.action is Action.ON_DEMAND else ""
    return (
        f"- {code(rule.name)} is idle: it acts when {rule.signal}{where} is over {rule.above:g} "
        f"for {seconds}s."
    )


def state_lines(states: States) -> Iterator[str]:
    """The state of each rule as it was advanced last: its phase, and exactly why."""
    ordered = sorted(states.items(), key=lambda each: (each[0].rule, each[0].cluster))
    for key, state in ordered:
        where = f" on {key.cluster}" if key.cluster else ""
        yield f"rule {key.rule}{where} is {state.phase}: {state.why}"
