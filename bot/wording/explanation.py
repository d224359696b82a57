"""Why a component runs on some clusters and not on others, as text and as data."""

from collections.abc import Mapping, Sequence

from bot.wording.markdown import plural
from bot.wording.prose import Prose, say
from planners.model import listing
from planners.placement.rank import WeightedScore
from planners.placement.trace import PlacementDecision

SELECTED = "all selected clusters"
SHOWN_COMPONENTS = 3


def why_not(decision: PlacementDecision) -> Prose:
    """Why a cluster was not chosen, in a few words."""
    verdict = decision.verdict
    if not verdict.admitted:
        return say("{}: {}, requires {}", verdict.filter, verdict.seen, verdict.needed)
    return say(f"ranked {decision.rank}; the best {decision.wanted} are chosen")


def chosen_clusters(
    decision: PlacementDecision, chosen: Sequence[PlacementDecision]
) -> list[PlacementDecision]:
    """The chosen clusters of the same component."""
    return [
        each for each in chosen if each.chosen and each.unit.component == decision.unit.component
    ]


def explanation(
    component: str, wanted: Sequence[PlacementDecision], chosen: Sequence[PlacementDecision]
) -> list[str]:
    """One component on the wanted clusters: chosen ones first, by rank, then the others by name."""
    mine = [each for each in wanted if each.unit.component == component]
    if not mine:
        return []
    taken = chosen_clusters(mine[0], chosen)
    lines = [f"{component}, on {plural(len(taken), 'cluster')}:"]
    first = sorted((each for each in mine if each.chosen), key=_rank)
    for decision in (*first, *(each for each in mine if not each.chosen)):
        lines += [f"  {line}" for line in _lines(decision)]
    return lines


def _rank(decision: PlacementDecision) -> tuple[int, str]:
    return decision.rank or 0, decision.unit.cluster


def _lines(decision: PlacementDecision) -> list[str]:
    name = decision.unit.cluster
    if decision.chosen:
        why = f"ranked {decision.rank}" if decision.rank else decision.wanted or SELECTED
        return [f"{name}: chosen, {why}{_points(decision)}", *_scores(decision)]
    lines = [f"{name}: not chosen, {why_not(decision)}{_points(decision)}", *_scores(decision)]
    required = remedies(decision)
    if len(_changes(decision)) == len(required) == len(decision.refusals) == 1:
        return lines
    return [*lines, *(f"  to be chosen, requires: {each}" for each in required)]


def _points(decision: PlacementDecision) -> str:
    return "" if decision.total is None else f", {decision.total:g} points"


def _scores(decision: PlacementDecision) -> list[str]:
    return [f"  {_score(each)}" for each in decision.scores if each.weight]


def _score(scored: WeightedScore) -> str:
    return f"{scored.name} {scored.value:g} (weight {scored.weight}): {scored.inputs}"


def remedies(decision: PlacementDecision) -> list[str]:
    """What would have to change, all of it: filters that refuse, missing points, what else decides.

    Only a thorough plan knows all of it.
    """
    return [*_changes(decision), *_others(decision)]


def _others(decision: PlacementDecision) -> list[str]:
    """What stays between these changes and the choice: it is decided together with others."""
    found = ["its spread rules"] if decision.spreads else []
    if decision.depends_on:
        shown = listing(decision.depends_on, SHOWN_COMPONENTS)
        found.append(f"the placement of {shown}, which share rules or room with it")
    return [f"that it also fits {' and '.join(found)}"] if found else []


def _changes(decision: PlacementDecision) -> list[str]:
    """What the cluster lacks in the placement as it is."""
    refusals = decision.refusals or (() if decision.verdict.admitted else (decision.verdict,))
    needed = [f"{each.needed} instead of {each.seen} ({each.filter})" for each in refusals]
    total = decision.total if decision.if_admitted is None else decision.if_admitted
    if total is None or decision.to_beat is None:
        return needed
    if total > decision.to_beat:
        if not needed:
            needed.append(
                "another placement of the other components, which have fewer points or clusters "
                "if it is chosen here"
            )
        return needed
    points = f"more than {decision.to_beat:g} points, the score of the last chosen cluster"
    if total == decision.to_beat:
        return [*needed, f"{points}, which precedes it by load or name"]
    return [*needed, f"{points}, instead of {total:g}"]


def as_data(decision: PlacementDecision) -> Mapping[str, object]:
    """One decision as data."""
    verdict = decision.verdict
    return {
        "component": decision.unit.component,
        "cluster": decision.unit.cluster,
        "chosen": decision.chosen,
        "filter": verdict.filter,
        "seen": verdict.seen,
        "needed": verdict.needed,
        "refusals": [
            {"filter": each.filter, "seen": each.seen, "needed": each.needed}
            for each in decision.refusals
        ],
        "toBeChosen": [] if decision.chosen else remedies(decision),
        "total": decision.total,
        "scores": [
            {"name": each.name, "weight": each.weight, "value": each.value, "inputs": each.inputs}
            for each in decision.scores
        ],
        "rank": decision.rank,
    }
