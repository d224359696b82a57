"""Which component goes to which cluster, and why: filter, rank, pick. Called by `plan`."""

from collections.abc import Sequence
from dataclasses import dataclass

from planners.filters import Filter, Request, Verdict
from planners.model import Cluster, PlacementIntent, Unit
from planners.scores import Score
from planners.selectors import Selector
from planners.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the Trace: one component and one cluster.

    `verdict` is the first filter that dropped the cluster, or the last that admitted it. `scores`
    holds name and value of each score; `rank` (from 1) is set where an anyOf had to choose.
    """

    unit: Unit
    chosen: bool
    verdict: Verdict
    scores: tuple[tuple[str, int], ...] = ()
    rank: int | None = None
    wanted: int | None = None


def place(
    snapshot: Snapshot, filters: Sequence[Filter], scores: Sequence[Score]
) -> tuple[Decision, ...]:
    """Decide for every component that has a placement intent and every cluster.

    The answer is sorted by component and cluster, and does not depend on the order of the filters,
    scores, clusters or intents.
    """
    ordered = sorted(filters, key=lambda each: each.name, reverse=True)
    best: dict[Unit, Decision] = {}
    for intent in snapshot.application.placements:
        for component in intent.components:
            for decision in _decide(snapshot, intent, component, ordered, scores):
                known = best.get(decision.unit)
                if known is None or _weight(decision) > _weight(known):
                    best[decision.unit] = decision
    return tuple(best[unit] for unit in sorted(best))


def _weight(decision: Decision) -> tuple[bool, bool, int]:
    """Which of two decisions about one unit tells more: chosen, admitted, the better rank."""
    return decision.chosen, decision.verdict.admitted, -(decision.rank or 0)


def _decide(
    snapshot: Snapshot,
    intent: PlacementIntent,
    name: str,
    filters: Sequence[Filter],
    scores: Sequence[Score],
) -> list[Decision]:
    component = snapshot.application.component(name)
    if component is None:
        return []
    decisions = []
    for selector in intent.all_of:
        assert isinstance(selector, Selector)
        request = Request(component, selector, snapshot.tenant)
        for cluster in snapshot.clusters:
            verdict = _filter(request, cluster, filters)
            decisions.append(Decision(Unit(name, cluster.name), verdict.admitted, verdict))
    if intent.any_of is not None:
        request = Request(component, intent.any_of.select[0], snapshot.tenant)
        decisions += _best(snapshot, request, intent.any_of.count.least, filters, scores)
    return decisions


def _filter(request: Request, cluster: Cluster, filters: Sequence[Filter]) -> Verdict:
    verdict = Verdict("none", admitted=True, seen="", needed="")
    for each in filters:
        verdict = each.admit(request, cluster)
        if not verdict.admitted:
            break
    return verdict


def _best(
    snapshot: Snapshot,
    request: Request,
    count: int,
    filters: Sequence[Filter],
    scores: Sequence[Score],
) -> list[Decision]:
    dropped, candidates = [], []
    for cluster in snapshot.clusters:
        unit = Unit(request.component.name, cluster.name)
        verdict = _filter(request, cluster, filters)
        if not verdict.admitted:
            dropped.append(Decision(unit, chosen=False, verdict=verdict))
            continue
        running = unit in snapshot.base.entries
        points = tuple(
            sorted((each.name, each.score(request, cluster, running=running)) for each in scores)
        )
        candidates.append((-sum(value for _, value in points), unit, verdict, points))
    candidates.sort(key=lambda candidate: candidate[:2])
    return dropped + [
        Decision(unit, rank <= count, verdict, points, rank, count)
        for rank, (_, unit, verdict, points) in enumerate(candidates, 1)
    ]


def explain_nothing(decisions: Sequence[Decision], component: str, selectors: str) -> str:
    """Why no cluster took a component: the filter that removed the most, with an example."""
    dropped = [d for d in decisions if d.unit.component == component and not d.verdict.admitted]
    if not dropped:
        return f"no cluster for {component}: the fleet is empty"
    by_filter: dict[str, list[Decision]] = {}
    for decision in dropped:
        by_filter.setdefault(decision.verdict.filter, []).append(decision)
    name, most = max(sorted(by_filter.items()), key=lambda item: len(item[1]))
    sample = most[0]
    return (
        f"no cluster for {component} ({selectors}): the filter {name!r} removed {len(most)} of "
        f"{len(dropped)} clusters; {sample.unit.cluster}, for example, has {sample.verdict.seen} "
        f"where {sample.verdict.needed} is needed"
    )


def describe(intent: PlacementIntent) -> str:
    """The selectors of an intent as one readable phrase."""
    words = [f"allOf {selector}" for selector in intent.all_of]
    if intent.any_of is not None:
        words.append(f"the best {intent.any_of.count} of {intent.any_of.select}")
    return "; ".join(words)
