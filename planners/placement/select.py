"""Picks the best clusters for one component, one seat after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from planners.model import Cluster, Unit
from planners.placement.filters import Request, Verdict
from planners.placement.rank import ClusterScore, score_cluster
from planners.placement.scores import Score
from planners.placement.topology_spread import SpreadCheck, spread_checks

SPREAD = "spread"


@dataclass(slots=True)
class Selection:
    """Who was picked, everybody's rank, and whom a spread rule refused at last."""

    ranked: dict[str, ClusterScore]
    picked: list[str] = field(default_factory=list)
    refused: dict[str, Verdict] = field(default_factory=dict)

    @property
    def order(self) -> dict[str, int]:
        """Each cluster's rank from 1: by total, then by name."""
        names = sorted(self.ranked, key=lambda name: (-self.ranked[name].total, name))
        return {name: number for number, name in enumerate(names, 1)}


def select_clusters(
    request: Request, candidates: Sequence[Cluster], most: int, scores: Mapping[str, Score]
) -> Selection:
    """Give the component up to `most` of the candidates, and those seats on the board.

    Clusters that it has already, by an allOf or another anyOf, count and come first.
    """
    allocation, name, intent = request.allocation, request.component.name, request.intent
    by_name = {each.name: each for each in candidates}
    moving = any(scores[key.partition("/")[0]].depends_on_choice for key in intent.prefer)
    rules = spread_checks(intent.spread, name, allocation, candidates)
    found = Selection({each.name: score_cluster(request, each, scores) for each in candidates})
    had = allocation.sites.get(name, set())
    found.picked = sorted(by_name.keys() & had)
    left = [each for each in found.order if each not in had]
    while left and len(found.picked) < most:
        assignments = most - len(found.picked)
        best = next(
            (each for each in left if _allowed(rules, by_name[each], assignments) is None), None
        )
        if best is None:
            break
        left.remove(best)
        found.picked.append(best)
        allocation.place(Unit(name, best), request.requests.get(best, {}))
        if moving:
            found.ranked |= {each: score_cluster(request, by_name[each], scores) for each in left}
            left.sort(key=lambda each: (-found.ranked[each].total, each))
    if rules:
        verdicts = {each: _allowed(rules, by_name[each], 1) for each in left}
        found.refused = {each: verdict for each, verdict in verdicts.items() if verdict}
    return found


def _allowed(rules: Sequence[SpreadCheck], cluster: Cluster, assignments: int) -> Verdict | None:
    """The refusal of the first spread rule that refuses; None when all admit."""
    for rule in rules:
        refusal = rule.refuses(cluster, assignments)
        if refusal is not None:
            return Verdict(SPREAD, admitted=False, seen=refusal[0], needed=refusal[1])
    return None
