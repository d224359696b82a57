"""Where components run and where not, with the reason; equal answers stand together."""

from collections.abc import Iterable, Sequence

from bot.wording.explanation import why_not
from bot.wording.markdown import code, code_in_html, fold, listing, natural, plural, table
from planners.placement.place import SELECTION_FILTERS, PlacementDecision
from planners.plan import Plan

MOST_ROWS = 60
NAMES = 20
SHOWN = 5
CHOSEN = "chosen"

Row = tuple[str, tuple[str, ...]]


def placement(plan: Plan) -> str:
    """A fold with one row for each outcome: chosen, or the reason why not.

    What a filter refuses although the selectors select it stands before what they do not select.
    """
    if not plan.trace:
        return ""
    rows = [
        [
            code(listing(components, SHOWN)),
            CHOSEN if why == CHOSEN else f"not chosen: {code(why)}",
            f"{len(clusters)}: {code(listing(clusters, NAMES), 2_000)}",
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
    """Why components go from where they run, where something refuses them there now."""
    why = {each.unit: why_not(each) for each in plan.trace if _is_refused(each)}
    found: dict[str, dict[str, None]] = {}
    for wave in plan.waves:
        for unit in wave.units if wave.removal else ():
            if unit in why:
                found.setdefault(why[unit], {})[unit.cluster] = None
    lines = [
        f"- {code(listing(natural(clusters), NAMES), 1_000)} loses what it runs: {code(reason)}"
        for reason, clusters in list(found.items())[:SHOWN]
    ]
    return "\n".join(lines)


def _summary(trace: Sequence[PlacementDecision]) -> str:
    """How much of the fleet is used, and what a filter keeps out of it entirely."""
    components = plural(len({each.unit.component for each in trace}), "component")
    every = {each.unit.cluster for each in trace}
    used = {each.unit.cluster for each in trace if each.chosen}
    text = f"Where and why: {components} on {len(used)} of {plural(len(every), 'cluster')}"
    refused = natural({each.unit.cluster for each in trace if _is_refused(each)} - used)
    return f"{text}; left out: {code_in_html(listing(refused, SHOWN))}" if refused else text


def _is_refused(decision: PlacementDecision) -> bool:
    """Whether it is selected, and something else keeps it out."""
    verdict = decision.verdict
    return not verdict.admitted and verdict.filter not in SELECTION_FILTERS


def _grouped(trace: Iterable[PlacementDecision]) -> dict[Row, list[str]]:
    """(Outcome, clusters) -> the components of which that is so, what surprises most first."""
    found: dict[str, dict[str, list[str]]] = {}
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


def _outcome(decision: PlacementDecision) -> str:
    if decision.chosen:
        return CHOSEN
    if decision.verdict.admitted:
        return f"the best {decision.wanted} are taken"
    return why_not(decision)


def _name(decision: PlacementDecision) -> str:
    ranked = decision.rank is not None and not decision.chosen and decision.verdict.admitted
    return f"{decision.unit.cluster} (ranked {decision.rank})" if ranked else decision.unit.cluster
