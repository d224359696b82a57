"""Selects the best clusters for one component, one at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from planners.model import Cluster, Unit
from planners.placement.affinity import describe, neighbours
from planners.placement.filters import Request, Verdict
from planners.placement.rank import ClusterScore, score_cluster
from planners.placement.scores import Score
from planners.placement.topology_spread import SpreadCheck, spread_checks


@dataclass(slots=True)
class Selection:
    """The selected clusters, the score of every candidate, and those a spread rule rejected."""

    scores: dict[str, ClusterScore]
    selected: list[str] = field(default_factory=list)
    rejected: dict[str, Verdict] = field(default_factory=dict)

    @property
    def ranks(self) -> dict[str, int]:
        """Each cluster's rank, from 1: by descending total, then by load and name."""
        names = sorted(self.scores, key=lambda name: self.scores[name].rank_key(name))
        return {name: number for number, name in enumerate(names, 1)}


def select_clusters(
    request: Request,
    candidates: Sequence[Cluster],
    maximum: int,
    scores: Mapping[str, Score],
    spread_over: Sequence[Cluster],
) -> Selection:
    """Select up to `maximum` of the candidates, and assign the component to them.

    Clusters to which an allOf or another anyOf already assigned the component count, and come
    first. If a preferred score depends on the choice, scores are updated after each selection.
    `spread_over` are the clusters over whose labels spread rules count.
    """
    allocation, component = request.allocation, request.component.name
    by_name = {each.name: each for each in candidates}
    checks = spread_checks(request.intent.spread, component, allocation, spread_over)
    selection = Selection({each.name: score_cluster(request, each, scores) for each in candidates})
    assigned = allocation.clusters_of.get(component, set())
    selection.selected = sorted(by_name.keys() & assigned)
    remaining = [name for name in selection.ranks if name not in assigned]
    while remaining and len(selection.selected) < maximum:
        open_slots = maximum - len(selection.selected)
        allowed = (
            name
            for name in remaining
            if _rejection(request, checks, by_name[name], open_slots) is None
        )
        best = next(allowed, None)
        if best is None:
            break
        remaining.remove(best)
        selection.selected.append(best)
        allocation.assign(Unit(component, best), request.requests.get(best, {}))
        _update(selection, request, [by_name[name] for name in remaining], scores)
        remaining.sort(key=lambda name: selection.scores[name].rank_key(name))
    verdicts = {name: _rejection(request, checks, by_name[name], 1) for name in remaining}
    selection.rejected = {name: verdict for name, verdict in verdicts.items() if verdict}
    return selection


def _update(
    selection: Selection,
    request: Request,
    remaining: Sequence[Cluster],
    scores: Mapping[str, Score],
) -> None:
    """Score the remaining clusters again if a preferred score depends on the choice."""
    if any(scores[key.partition("/")[0]].depends_on_choice for key in request.intent.prefer):
        for each in remaining:
            selection.scores[each.name] = score_cluster(request, each, scores)


def _rejection(
    request: Request, checks: Sequence[SpreadCheck], cluster: Cluster, open_slots: int
) -> Verdict | None:
    """The verdict of the first rule about clusters of one component; None if all admit it."""
    own = request.component.name
    for rule in request.intent.affinity:
        if rule.apart and rule.required and (rule.component, rule.application) == (own, None):
            hosts = neighbours(request.allocation, rule, own, cluster)
            if hosts:
                seen, needed = f"{own} on {hosts[0]}", f"no {describe(rule)}"
                return Verdict("affinity", admitted=False, seen=seen, needed=needed)
    verdicts = (check.reject(cluster, open_slots) for check in checks)
    return next((verdict for verdict in verdicts if verdict is not None), None)
