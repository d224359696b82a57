"""What rules have decided and what they watch, in sentences."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from bot.wording.markdown import code, plural
from bot.wording.timetable import span
from planners.gating.change_sets import ChangeSet
from planners.model import Application, Policy
from planners.model.rules import FAILOVER, Action, Decision, FailoverRule, Rule, States

MOST_LINES = 20


COUNTED = (
    "rules decide by signals, which no folder has; what they decided is read below --deploy: merge "
    "the open merge requests of rules into it (where these only remove, no folder has it yet)"
)


def given_back(changes: Iterable[ChangeSet]) -> set[str]:
    """The rules that remove units: until that is merged, no folder says what they decided."""
    removals = (each for each in changes if each.wave.removal)
    return {key.rule for each in removals for key in each.ruled.rules if key.rule != FAILOVER}


def section(application: Application, decisions: Sequence[Decision]) -> str:
    """One line for each decision in force, and for each rule that has decided nothing."""
    return "\n".join(f"- {each}" for each in told(application, decisions, code))


def told(
    application: Application, decisions: Sequence[Decision], name: Callable[[str], str] = str
) -> list[str]:
    """The lines of `section`, with names as `name` writes them."""
    decided = {each.rule for each in decisions}
    idle = [rule for rule in application.rules if rule.name not in decided]
    lines = [*(_decision(each, name) for each in decisions), *(_idle(each, name) for each in idle)]
    more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return [*lines[:MOST_LINES], *more]


def _decision(decision: Decision, name: Callable[[str], str]) -> str:
    where = f" on {name(decision.cluster)}" if decision.cluster else ""
    steps = plural(len(decision.steps), "step")
    return f"{name(decision.rule)}{where} is active, {steps}: {decision.reason}."


def _idle(rule: Rule, name: Callable[[str], str]) -> str:
    seconds = int(rule.hold.total_seconds())
    where = " on a cluster" if rule.action is Action.ON_DEMAND else ""
    return (
        f"{name(rule.name)} is idle: it acts when {rule.signal}{where} is over {rule.above:g} "
        f"for {seconds}s."
    )


def limits(rule: Rule, application: str, policies: Sequence[Policy]) -> Iterator[str]:
    """What a rule does, when, how far and how often, and who must approve it; one sentence each."""
    components = ", ".join(rule.components)
    match rule.action:
        case Action.ADD_CLUSTERS:
            yield f"Adds up to {plural(rule.most, 'cluster')} for {components}, one at a time."
        case Action.SET_REPLICAS:
            steps = ", then ".join(map(str, rule.replicas))
            yield f"Sets the replicas of {rule.workload} to {steps} on each cluster."
        case _:
            yield f"Runs {components} only on clusters where the signal is over the threshold."
    yield (
        f"Acts after {span(rule.hold)} over {rule.above:g}, goes back after {span(rule.hold)} not "
        f"over {rule.below:g}."
    )
    yield (
        f"At least {span(rule.pace)} between steps in one direction, {span(rule.cooldown)} before "
        f"it turns. Samples older than {span(rule.max_age)} are no data: nothing changes."
    )
    yield from _permissions(rule.name, application, policies)


def failover_limits(
    rule: FailoverRule, application: str, policies: Sequence[Policy]
) -> Iterator[str]:
    """When components leave a cluster, when nothing moves, and who must approve it."""
    yield (
        f"What is placed by a choice leaves the cluster after {span(rule.after)} of silence or "
        f"failure, and may come back after {span(rule.after)} without; one cluster each "
        f"{span(rule.pace)}."
    )
    yield (
        f"Nothing moves while less than {rule.quorum}% of the fleet is heard, or more than "
        f"{rule.max_share}% of {rule.clusters} fails."
    )
    yield from _permissions(FAILOVER, application, policies)


def _permissions(rule: str, application: str, policies: Sequence[Policy]) -> Iterator[str]:
    allowed = [
        f"Automatic by policy {policy.name} on the clusters it selects: waves of up to "
        f"{plural(each.max_clusters, 'cluster')}, {plural(each.per_hour, 'decision')} an hour."
        for policy in policies
        for each in policy.automatic
        if (each.application, each.rule) == (application, rule)
    ]
    yield from allowed or [
        "A person approves each of its merge requests: no policy makes it automatic."
    ]


def state_lines(states: States) -> Iterator[str]:
    """The state of each rule as it was advanced last: its phase, and exactly why."""
    ordered = sorted(states.items(), key=lambda each: (each[0].rule, each[0].cluster))
    for key, state in ordered:
        where = f" on {key.cluster}" if key.cluster else ""
        yield f"rule {key.rule}{where} is {state.phase}: {state.why}"
