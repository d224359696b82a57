"""The trace: one decision for each component and cluster, with its reasons.

Decisions are made for all clusters at once; the reasons of each are found here, when somebody asks
for them, by going through the steps of the placement again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import overload

import numpy as np

from planners.model import Unit
from planners.placement.allocation import Allocation
from planners.placement.evaluate import SELECTION_FILTERS, FilterResult
from planners.placement.filters import Request, Verdict
from planners.placement.groups import PlacementGroup
from planners.placement.rank import WeightedScore, score_cluster
from planners.placement.select import OwnRules, Selection


@dataclass(frozen=True, slots=True)
class PlacementDecision:
    """One entry of the Trace: the decision for one component and one cluster.

    `verdict` is that of the first filter that rejected the cluster, else of the last one; a
    thorough plan lists all rejections in `refusals`. `scores`, `total` and `rank` (from 1) are set
    for candidates of a choice, whose requested count is `wanted`; for a cluster added by an
    exception, `wanted` describes the exception. `to_beat` is the total of the last chosen cluster
    if no further one is taken; a thorough plan has the total of rejected ones in `if_admitted`, and
    in `depends_on` and `spreads` what else decides: other components, its spread rules.
    """

    unit: Unit
    chosen: bool
    verdict: Verdict
    scores: tuple[WeightedScore, ...] = ()
    total: float | None = None
    rank: int | None = None
    wanted: str = ""
    refusals: tuple[Verdict, ...] = ()
    to_beat: float | None = None
    if_admitted: float | None = None
    depends_on: tuple[str, ...] = ()
    spreads: bool = False

    @property
    def significance(self) -> tuple[bool, bool, bool, int]:
        """Of two decisions about a unit, the higher one counts.

        In descending order: chosen, admitted, rejected though selected, not selected; then by rank.
        """
        selected = self.verdict.filter not in SELECTION_FILTERS
        return self.chosen, self.verdict.admitted, selected, -(self.rank or 0)


@dataclass(frozen=True, slots=True)
class Filtered:
    """The filters were applied for a group, after the first `mark` steps of the allocation."""

    result: FilterResult
    mark: int

    @property
    def component(self) -> str:
        """The component of the group."""
        return self.result.request.component.name


@dataclass(frozen=True, slots=True)
class Taken:
    """A group took all admitted clusters."""

    group: PlacementGroup
    filtered: Filtered

    @property
    def component(self) -> str:
        """The component of the group."""
        return self.filtered.component


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice among the admitted clusters; `mark` steps were taken when it was decided.

    `rules` are those that can have rejected what is not selected.
    """

    group: PlacementGroup
    filtered: Filtered
    selection: Selection
    mark: int
    rules: OwnRules | None = None

    @property
    def component(self) -> str:
        """The component of the group."""
        return self.filtered.component

    @property
    def to_beat(self) -> float | None:
        """The total of the last chosen cluster if no further one is taken."""
        count, selected = self.group.count, self.selection.selected
        assert count is not None
        full = len(selected) >= count.maximum_of(self.filtered.result.selected_count)
        return min(self.selection.score.totals[selected].tolist(), default=None) if full else None


Step = Filtered | Taken | Chosen


class Trace(Sequence[PlacementDecision]):
    """All decisions, sorted by component and cluster."""

    def __init__(self, allocation: Allocation, steps: Sequence[Step]) -> None:
        """The decisions that these steps made."""
        self._allocation = allocation
        self._steps = tuple(steps)

    @cached_property
    def _decisions(self) -> tuple[PlacementDecision, ...]:
        explained = _Explained(self._allocation)
        for step in self._steps:
            explained.add(step)
        found = explained.decisions
        return tuple(found[unit] for unit in sorted(found))

    @overload
    def __getitem__(self, index: int) -> PlacementDecision: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[PlacementDecision]: ...

    def __getitem__(self, index: int | slice) -> PlacementDecision | Sequence[PlacementDecision]:
        return self._decisions[index]

    def __iter__(self) -> Iterator[PlacementDecision]:
        return iter(self._decisions)

    def __len__(self) -> int:
        return len(self._decisions)

    def __bool__(self) -> bool:
        return bool(self._steps and len(self._allocation.columns))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._decisions == tuple(other)

    def __hash__(self) -> int:
        return hash(self._decisions)

    def __repr__(self) -> str:
        return repr(self._decisions)


class _Explained:
    """The decisions of the steps so far; `_now` is the allocation as it was for one of them."""

    def __init__(self, allocation: Allocation) -> None:
        self.decisions: dict[Unit, PlacementDecision] = {}
        self._allocation = allocation
        self._now = allocation.anew()
        self._rejected: dict[int, list[PlacementDecision]] = {}

    def add(self, step: Step) -> None:
        """Find the reasons of one step."""
        match step:
            case Filtered():
                self._filtered(step)
            case Taken():
                self._taken(step)
            case Chosen():
                self._chosen(step)

    def _request(self, filtered: Filtered, mark: int | None = None) -> Request:
        """The request of a step, on the allocation as it was at the mark."""
        mark = filtered.mark if mark is None else mark
        if self._now.mark > mark:
            self._now = self._allocation.anew()
        self._now.replay(self._allocation, mark)
        return replace(filtered.result.request, allocation=self._now)

    def _record(self, decision: PlacementDecision) -> None:
        """Record a decision unless a more significant one about the unit is recorded."""
        recorded = self.decisions.get(decision.unit)
        if recorded is None or decision.significance > recorded.significance:
            self.decisions[decision.unit] = decision

    def _filtered(self, step: Filtered) -> None:
        request, result = self._request(step), step.result
        component, names = request.component.name, request.columns.names
        rejected = self._rejected[id(step)] = []
        for at in np.flatnonzero(~result.admitted).tolist():
            refusals = result.refusals(at, request)
            decision = PlacementDecision(
                Unit(component, names[at]), chosen=False, verdict=refusals[0], refusals=refusals
            )
            rejected.append(decision)
            self._record(decision)

    def _taken(self, step: Taken) -> None:
        request, result = self._request(step.filtered), step.filtered.result
        component, names = request.component.name, request.columns.names
        added = f"added {step.group.exception}" if step.group.exception else ""
        for at in np.flatnonzero(result.admitted).tolist():
            unit, verdict = Unit(component, names[at]), result.verdict(at, request)
            self._record(PlacementDecision(unit, chosen=True, verdict=verdict, wanted=added))

    def _chosen(self, step: Chosen) -> None:
        selection, result = step.selection, step.filtered.result
        request = self._request(step.filtered)
        verdicts = {
            at: result.verdict(at, request) for at in np.flatnonzero(result.admitted).tolist()
        }
        scores = self._scores(step)
        rejected = self._rejected_by_rules(step)
        self._score_rejected(step)
        order = selection.score.order
        component, names = request.component.name, request.columns.names
        ranks = {at: n for n, at in enumerate(order[selection.candidates[order]].tolist(), 1)}
        chosen, to_beat = set(selection.selected), step.to_beat
        for at, verdict in verdicts.items():
            self._record(
                PlacementDecision(
                    Unit(component, names[at]),
                    chosen=at in chosen,
                    verdict=verdict if at in chosen else rejected.get(at, verdict),
                    scores=scores[at],
                    total=float(selection.score.totals[at]),
                    rank=ranks[at],
                    wanted=str(step.group.count),
                    to_beat=None if at in chosen else to_beat,
                )
            )

    def _scores(self, step: Chosen) -> dict[int, tuple[WeightedScore, ...]]:
        """The scores of all candidates, as they were when each was selected or left."""
        filtered, selection = step.filtered, step.selection
        found: dict[int, tuple[WeightedScore, ...]] = {}
        every = np.flatnonzero(selection.candidates).tolist()
        mark = filtered.mark
        if selection.rescored:
            found |= self._scored(filtered, mark, selection.selected[: selection.assigned])
            for at in selection.selected[selection.assigned :]:
                found |= self._scored(filtered, mark, [at])
                mark += 1
        return found | self._scored(filtered, mark, [at for at in every if at not in found])

    def _scored(
        self, filtered: Filtered, mark: int, positions: Sequence[int]
    ) -> dict[int, tuple[WeightedScore, ...]]:
        request, scores = self._request(filtered, mark), filtered.result.evaluator.scores
        clusters = request.columns.clusters
        return {at: score_cluster(request, clusters[at], scores).scores for at in positions}

    def _rejected_by_rules(self, step: Chosen) -> dict[int, Verdict]:
        """The candidates that a rule about clusters of the component itself rejected."""
        if step.rules is None or not step.rules.any:
            return {}
        rules = step.rules.on(self._request(step.filtered, step.mark))
        return rules.rejections(step.selection.remaining)

    def _score_rejected(self, step: Chosen) -> None:
        """In a thorough plan, say what rejected clusters would score, and have to beat."""
        evaluator = step.filtered.result.evaluator
        if not evaluator.thorough:
            return
        request, to_beat = self._request(step.filtered, step.mark), step.to_beat
        for decision in self._rejected[id(step.filtered)]:
            unit = decision.unit
            if self.decisions.get(unit) is decision:
                cluster = request.columns.clusters[request.columns.position[unit.cluster]]
                total = score_cluster(request, cluster, evaluator.scores).total
                self.decisions[unit] = replace(decision, to_beat=to_beat, if_admitted=total)
