"""Scores one cluster for a component: weighted scores, the move threshold, and avoided taints."""

from collections.abc import Mapping
from dataclasses import dataclass

from planners.model import Cluster, TaintEffect
from planners.placement.filters import Request
from planners.placement.scores import BEST, Points, Score

STEADY = "steady"


@dataclass(frozen=True, slots=True)
class WeightedScore:
    """One score of one cluster: its `weight` in the intent, its value and the inputs as text."""

    name: str
    weight: int
    value: float
    inputs: str


@dataclass(frozen=True, slots=True)
class ClusterScore:
    """All scores of a cluster, and the total that ranks it.

    The total is the weighted average, plus the intent's move threshold where the component already
    runs, minus 100 for an untolerated PreferNoSchedule taint (which ranks the cluster last). Among
    equal totals, clusters where it runs come first, then those with the lower `load`, which is the
    number of components there: what nobody prefers to place anywhere spreads.
    """

    total: float
    scores: tuple[WeightedScore, ...]
    load: int = 0

    def rank_key(self, name: str) -> tuple[float, int, str]:
        """The sort key of the cluster of that name, best first."""
        return -self.total, self.load, name


def score_cluster(request: Request, cluster: Cluster, scores: Mapping[str, Score]) -> ClusterScore:
    """Score a cluster that every filter admitted; `scores` are all scores by name."""
    intent = request.intent
    weighted = []
    for key, weight in sorted(intent.prefer.items()):
        name, _, subject = key.partition("/")
        points = scores[name].score(request, cluster, subject)
        weighted.append(WeightedScore(key, weight, points.value, points.inputs))
    weights = sum(each.weight for each in weighted)
    total = sum(each.weight * each.value for each in weighted) / weights if weights else 0.0
    steady = _steadiness(request, cluster)
    weighted.append(WeightedScore(STEADY, intent.move_threshold, steady.value, steady.inputs))
    total += intent.move_threshold * steady.value / BEST
    for taint in cluster.taints:
        if taint.effect is TaintEffect.PREFER_NO_SCHEDULE and not any(
            each.tolerates(taint) for each in intent.tolerations
        ):
            weighted.append(WeightedScore("taints", 1, -BEST, f"taint {taint}"))
            total -= BEST
            break
    load = -1 if request.running(cluster) else request.allocation.unit_count(cluster.name)
    return ClusterScore(round(total, 2), tuple(weighted), load)


def _steadiness(request: Request, cluster: Cluster) -> Points:
    """100 where the component already runs: it moves only for a gain beyond the threshold."""
    if request.running(cluster):
        return Points(BEST, "already running")
    return Points(0.0, "not running")
