"""Selects the best clusters for one component, one at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planners.model import Affinity, Cluster
from planners.placement.affinity import describe, neighbours
from planners.placement.arrays import Codes, Mask
from planners.placement.filters import Request, Verdict
from planners.placement.rank import FleetScore, score_fleet
from planners.placement.scores import Score
from planners.placement.topology_spread import SpreadCheck, spread_checks


@dataclass(slots=True)
class Selection:
    """The selected clusters by position, in order, and the scores of all candidates.

    The first `assigned` of them had the component before. With `rescored` the scores changed with
    each selection: those of a selected cluster are from before it was selected.
    """

    candidates: Mask
    score: FleetScore
    selected: list[int] = field(default_factory=list)
    assigned: int = 0
    rescored: bool = False

    @property
    def remaining(self) -> Mask:
        """The candidates that are not selected."""
        found = self.candidates.copy()
        found[self.selected] = False
        return found


@dataclass(frozen=True, slots=True)
class OwnRules:
    """The rules about clusters of one component: it stays apart from itself, and spreads."""

    request: Request
    checks: Sequence[SpreadCheck]

    @classmethod
    def of(cls, request: Request, spread_over: Mask) -> "OwnRules":
        """The rules of a request; spread rules count over the labels of `spread_over`."""
        name, intent = request.component.name, request.intent
        return cls(request, spread_checks(intent.spread, name, request.allocation, spread_over))

    @property
    def apart(self) -> Iterator[Affinity]:
        """The rules by which the component stays apart from itself."""
        own = (self.request.component.name, None)
        for rule in self.request.intent.affinity:
            if rule.apart and rule.required and (rule.component, rule.application) == own:
                yield rule

    @property
    def any(self) -> bool:
        """Whether there is a rule."""
        return bool(self.checks) or next(self.apart, None) is not None

    def admits(self, open_slots: int) -> Mask:
        """The clusters that all rules admit next."""
        request = self.request
        found = np.ones(len(request.columns), np.bool_)
        for rule in self.apart:
            found &= ~request.allocation.near(rule, request.component.name)
        for check in self.checks:
            found &= check.admits(open_slots)
        return found

    def rejection(self, cluster: Cluster) -> Verdict | None:
        """The verdict of the first rule against one more cluster; None if all admit it."""
        own = self.request.component.name
        for rule in self.apart:
            hosts = neighbours(self.request.allocation, rule, own, cluster)
            if hosts:
                seen, needed = f"{own} on {hosts[0]}", f"no {describe(rule)}"
                return Verdict("affinity", admitted=False, seen=seen, needed=needed)
        verdicts = (check.reject(cluster, 1) for check in self.checks)
        return next((verdict for verdict in verdicts if verdict is not None), None)

    def rejections(self, candidates: Mask) -> dict[int, Verdict]:
        """The verdicts against one more cluster, by position; only of those that are rejected."""
        clusters = self.request.columns.clusters
        found = np.flatnonzero(candidates & ~self.admits(1)).tolist()
        verdicts = {at: self.rejection(clusters[at]) for at in found}
        return {at: verdict for at, verdict in verdicts.items() if verdict is not None}

    def on(self, request: Request) -> "OwnRules":
        """The same rules on another allocation."""
        allocation = request.allocation
        return OwnRules(request, [replace(each, allocation=allocation) for each in self.checks])


def select_clusters(
    request: Request,
    candidates: Mask,
    maximum: int,
    scores: Mapping[str, Score],
    rules: OwnRules,
) -> Selection:
    """Select up to `maximum` of the candidates, and assign the component to them.

    Clusters to which an allOf or another anyOf already assigned the component count, and come
    first. If a preferred score depends on the choice, scores are updated after each selection.
    """
    allocation, component = request.allocation, request.component.name
    assigned = np.flatnonzero(candidates & allocation.placed(component)).tolist()
    preferred = (scores[key.partition("/")[0]] for key in request.intent.prefer)
    selection = Selection(
        candidates,
        score_fleet(request, scores),
        assigned,
        len(assigned),
        rescored=any(each.depends_on_choice for each in preferred),
    )
    if rules.any or selection.rescored:
        _select_one_by_one(selection, request, maximum, scores, rules)
        return selection
    order = selection.score.order
    best = order[selection.remaining[order]][: max(0, maximum - len(assigned))]
    allocation.assign_all(component, best, request.requests)
    selection.selected += best.tolist()
    return selection


def _select_one_by_one(
    selection: Selection,
    request: Request,
    maximum: int,
    scores: Mapping[str, Score],
    rules: OwnRules,
) -> None:
    remaining = selection.remaining
    while len(selection.selected) < maximum:
        order = selection.score.order
        allowed = remaining & rules.admits(maximum - len(selection.selected))
        best: Codes = order[allowed[order]][:1]
        if not len(best):
            break
        request.allocation.assign_all(request.component.name, best, request.requests)
        selection.selected += best.tolist()
        remaining[best] = False
        if selection.rescored:
            _rescore(selection, score_fleet(request, scores), remaining)


def _rescore(selection: Selection, score: FleetScore, remaining: Mask) -> None:
    """Take the new scores of the remaining candidates."""
    old = selection.score
    selection.score = FleetScore(
        np.where(remaining, score.totals, old.totals), np.where(remaining, score.loads, old.loads)
    )
