"""Where components run and where not, with the reason; equal answers stand together."""

from collections.abc import Iterable

from bot.wording.explanation import why_not
from bot.wording.markdown import code, fold, listing, plural, table
from planners.placement import Decision
from planners.plan import Plan

MOST_ROWS = 60
NAMES = 20
CHOSEN = "chosen"


def placement(plan: Plan) -> str:
    """A fold with one row for each outcome: chosen, or the reason why not."""
    if not plan.trace:
        return ""
    rows = [
        [
            code(listing(components, 5)),
            CHOSEN if why == CHOSEN else code(why),
            f"{len(clusters)}: {code(listing(clusters, NAMES), 2_000)}",
        ]
        for (why, clusters), components in _grouped(plan.trace).items()
    ]
    left = len(rows) - MOST_ROWS
    parts = [
        *([f"Optimal placement: {code(str(plan.optimum), 400)}."] if plan.optimum else []),
        table(["components", "outcome", "clusters"], rows[:MOST_ROWS]),
        *([f"and {plural(left, 'more row')}"] if left > 0 else []),
    ]
    count = len({each.unit.component for each in plan.trace})
    return fold(f"Where and why ({plural(count, 'component')})", "\n\n".join(parts))


def _grouped(trace: Iterable[Decision]) -> dict[tuple[str, tuple[str, ...]], list[str]]:
    """(Outcome, clusters) -> the components of which that is so; what is chosen comes first."""
    found: dict[str, dict[str, list[str]]] = {}
    for each in trace:
        outcomes = found.setdefault(each.unit.component, {})
        outcomes.setdefault(_outcome(each), []).append(_name(each))
    grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for component, outcomes in found.items():
        for why, clusters in outcomes.items():
            grouped.setdefault((why, tuple(clusters)), []).append(component)
    return dict(sorted(grouped.items(), key=lambda item: item[0][0] != CHOSEN))


def _outcome(decision: Decision) -> str:
    if decision.chosen:
        return CHOSEN
    if decision.verdict.admitted:
        return f"the best {decision.wanted} are taken"
    return why_not(decision)


def _name(decision: Decision) -> str:
    ranked = decision.rank is not None and not decision.chosen and decision.verdict.admitted
    return f"{decision.unit.cluster} (ranked {decision.rank})" if ranked else decision.unit.cluster
