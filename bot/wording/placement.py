"""Where components run and where not, with the reason; equal outcomes are grouped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.wording.explanation import why_not
from bot.wording.markdown import code, code_in_html, fold, natural, plural, table
from bot.wording.prose import NOTHING, Prose, names, say
from planners.model import listing
from planners.placement.evaluate import SELECTION_FILTERS
from planners.placement.trace import PlacementDecision
from planners.plan import Plan

MOST_ROWS = 60
NAMES = 20
SHOWN = 5

CHOSEN = say("chosen")

Row = tuple[Prose, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Components that are chosen on the same clusters, or not chosen there for the same reason."""

    components: tuple[str, ...]
    chosen: bool
    why: Prose
    clusters: tuple[str, ...]


def outcomes(trace: Iterable[PlacementDecision]) -> list[Outcome]:
    """What was chosen, then what filters exclude, then what is not selected."""
    return [
        Outcome(tuple(components), why == CHOSEN, NOTHING if why == CHOSEN else why, clusters)
        for (why, clusters), components in _grouped(trace).items()
    ]


def placement(plan: Plan) -> str:
    """A fold with one row for each outcome: chosen, or the reason why not.

    Clusters that a filter refuses come before those that the selectors do not select.
    """
    if not plan.trace:
        return ""
    rows = [
        [
            names(components, SHOWN).markdown(1_000),
            (why if why == CHOSEN else say("not chosen: {}", why)).markdown(),
            f"{len(clusters)}: {names(clusters, NAMES).markdown(2_000)}",
        ]
        for (why, clusters), components in _grouped(plan.trace).items()
    ]
    left = len(rows) - MOST_ROWS
    parts = [
        *(
            [f"Optimal placement: {code(str(plan.optimization), 400)}."]
            if plan.optimization
            else []
        ),
        table(["components", "outcome", "clusters"], rows[:MOST_ROWS]),
        *([f"and {plural(left, 'more row')}"] if left > 0 else []),
    ]
    return fold(_summary(plan.trace), "\n\n".join(parts))


def departures(plan: Plan) -> str:
    """Why components are removed from clusters whose filters refuse them now."""
    removals = [wave for wave in plan.waves if wave.removal]
    if not removals:
        return ""
    why = {each.unit: why_not(each) for each in plan.trace if _is_refused(each)}
    found: dict[Prose, dict[str, None]] = {}
    for wave in removals:
        for unit in wave.units:
            if unit in why:
                found.setdefault(why[unit], {})[unit.cluster] = None
    lines = [
        f"- {names(natural(clusters), NAMES).markdown(1_000)}: components are removed "
        f"({reason.markdown()})"
        for reason, clusters in list(found.items())[:SHOWN]
    ]
    return "\n".join(lines)


def _summary(trace: Sequence[PlacementDecision]) -> str:
    """How much of the fleet is used, and the clusters that a filter excludes entirely."""
    components = plural(len({each.unit.component for each in trace}), "component")
    every = {each.unit.cluster for each in trace}
    used = {each.unit.cluster for each in trace if each.chosen}
    text = f"Placement: {components} on {len(used)} of {plural(len(every), 'cluster')}"
    refused = natural({each.unit.cluster for each in trace if _is_refused(each)} - used)
    return f"{text}; excluded: {code_in_html(listing(refused, SHOWN))}" if refused else text


def _is_refused(decision: PlacementDecision) -> bool:
    """Whether it is selected, but a filter excludes it."""
    verdict = decision.verdict
    return not verdict.admitted and verdict.filter not in SELECTION_FILTERS


def _grouped(trace: Iterable[PlacementDecision]) -> dict[Row, list[str]]:
    """(Outcome, clusters) -> components, exclusions by filters first among what is not chosen."""
    found: dict[str, dict[Prose, list[str]]] = {}
    order = {CHOSEN: 0}
    for each in trace:
        outcomes = found.setdefault(each.unit.component, {})
        why = _outcome(each)
        order.setdefault(why, 1 if _is_refused(each) else 2 + (not each.verdict.admitted))
        outcomes.setdefault(why, []).append(_name(each))
    grouped: dict[Row, list[str]] = {}
    for component, outcomes in found.items():
        for why, clusters in outcomes.items():
            grouped.setdefault((why, tuple(natural(clusters))), []).append(component)
    return dict(sorted(grouped.items(), key=lambda item: order[item[0][0]]))


def _outcome(decision: PlacementDecision) -> Prose:
    if decision.chosen:
        return CHOSEN
    if decision.verdict.admitted:
        return say(f"ranked below the best {decision.wanted}")
    return why_not(decision)


def _name(decision: PlacementDecision) -> str:
    ranked = decision.rank is not None and not decision.chosen and decision.verdict.admitted
    return f"{decision.unit.cluster} (ranked {decision.rank})" if ranked else decision.unit.cluster
