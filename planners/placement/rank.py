"""Scores clusters for a component: weighted scores, the move threshold, and avoided taints."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planners.model import Cluster, Taint, TaintEffect
from planners.placement.arrays import Codes, Floats, Mask, rounded
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


@dataclass(frozen=True)
class FleetScore:
    """The totals and loads of all clusters, as `ClusterScore` has them."""

    totals: Floats
    loads: Codes

    @cached_property
    def order(self) -> Codes:
        """All clusters, best first: by descending total, then by load and name."""
        found: Codes = np.lexsort((self.loads, -self.totals))
        return found


def score_fleet(request: Request, scores: Mapping[str, Score]) -> FleetScore:
    """Score all clusters, also those that a filter rejects; `scores` are all scores by name."""
    intent, columns = request.intent, request.columns
    totals = np.zeros(len(columns), np.float64)
    weights = 0
    for key, weight in sorted(intent.prefer.items()):
        name, _, subject = key.partition("/")
        totals += weight * scores[name].values(request, subject)
        weights += weight
    totals = totals / weights if weights else np.zeros_like(totals)
    running = request.running_on
    totals[running] += intent.move_threshold * BEST / BEST
    totals[_avoided(request)] -= BEST
    loads = np.where(running, -1, request.allocation.unit_counts)
    return FleetScore(rounded(totals), loads)


def _avoided(request: Request) -> Mask:
    taints = request.columns.classes("taints", lambda cluster: cluster.taints)
    return taints.where(lambda every: any(_avoids(request, taint) for taint in every))


def _avoids(request: Request, taint: Taint) -> bool:
    """Whether a taint ranks its clusters last."""
    return taint.effect is TaintEffect.PREFER_NO_SCHEDULE and not any(
        each.tolerates(taint) for each in request.intent.tolerations
    )


def score_cluster(request: Request, cluster: Cluster, scores: Mapping[str, Score]) -> ClusterScore:
    """The total of one cluster, as of `score_fleet`, with all that it follows from."""
    intent = request.intent
    weighted = []
    total, weights = 0.0, 0
    for key, weight in sorted(intent.prefer.items()):
        name, _, subject = key.partition("/")
        points = scores[name].score(request, cluster, subject)
        weighted.append(WeightedScore(key, weight, points.value, points.inputs))
        total += weight * points.value
        weights += weight
    total = total / weights if weights else 0.0
    steady = _steadiness(request, cluster)
    weighted.append(WeightedScore(STEADY, intent.move_threshold, steady.value, steady.inputs))
    total += intent.move_threshold * steady.value / BEST
    avoided = next((each for each in cluster.taints if _avoids(request, each)), None)
    if avoided is not None:
        weighted.append(WeightedScore("taints", 1, -BEST, f"taint {avoided}"))
        total -= BEST
    return ClusterScore(round(total, 2), tuple(weighted))


def _steadiness(request: Request, cluster: Cluster) -> Points:
    """100 where the component already runs: it moves only for a gain beyond the threshold."""
    if request.running(cluster):
        return Points(BEST, "already running")
    return Points(0.0, "not running")
