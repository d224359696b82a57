"""How good a cluster is for a component: weighted scores, steadiness, and taints to avoid."""

from collections.abc import Mapping
from dataclasses import dataclass

from planners.model import Cluster, TaintEffect
from planners.placement.filters import Request
from planners.placement.scores import BEST, Points, Score

STEADY = "steady"


@dataclass(frozen=True, slots=True)
class WeightedScore:
    """One score of one cluster: its `weight` in the intent, its value and where that is from."""

    name: str
    weight: int
    value: float
    inputs: str


@dataclass(frozen=True, slots=True)
class ClusterScore:
    """All scores of a cluster and their total: the weighted average, and what is added to it.

    What runs there adds up to the intent's threshold; a PreferNoSchedule taint that is not
    tolerated takes 100 away, so that such a cluster comes after all others.
    """

    total: float
    scores: tuple[WeightedScore, ...]


def score_cluster(request: Request, cluster: Cluster, scores: Mapping[str, Score]) -> ClusterScore:
    """Judge one cluster that every filter admitted; `scores` are all scores by their names."""
    intent = request.intent
    found = []
    for key, weight in sorted(intent.prefer.items()):
        name, _, subject = key.partition("/")
        points = scores[name].score(request, cluster, subject)
        found.append(WeightedScore(key, weight, points.value, points.inputs))
    weights = sum(each.weight for each in found)
    total = sum(each.weight * each.value for each in found) / weights if weights else 0.0
    steady = _steadiness(request, cluster)
    found.append(WeightedScore(STEADY, intent.move_threshold, steady.value, steady.inputs))
    total += intent.move_threshold * steady.value / BEST
    for taint in cluster.taints:
        if taint.effect is TaintEffect.PREFER_NO_SCHEDULE and not any(
            each.tolerates(taint) for each in intent.tolerations
        ):
            found.append(WeightedScore("taints", 1, -BEST, f"taint {taint}"))
            total -= BEST
            break
    return ClusterScore(round(total, 2), tuple(found))


def _steadiness(request: Request, cluster: Cluster) -> Points:
    """100 where the component runs already: it moves only for a gain beyond the threshold."""
    if request.running(cluster):
        return Points(BEST, "runs there")
    return Points(0.0, "does not run there")
