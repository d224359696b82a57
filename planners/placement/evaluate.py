"""Applies the filters to a fleet: which clusters are admitted, and what rejects the others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planners.placement.arrays import Codes, Mask
from planners.placement.filters import Filter, Request, Verdict
from planners.placement.scores import Score

SELECTION_FILTERS = frozenset({"tenant", "labels"})
"""Filters whose rejection means that the intent does not select the cluster at all."""

NO_FILTER = Verdict("none", admitted=True, seen="", needed="")


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Applies filters, in order, and holds the scores by name.

    With `thorough` the trace has the verdicts of all filters, not only of the first that rejects.
    """

    filters: tuple[Filter, ...]
    scores: Mapping[str, Score]
    thorough: bool = False

    @classmethod
    def of(
        cls, filters: Sequence[Filter], scores: Sequence[Score], *, thorough: bool = False
    ) -> "Evaluator":
        """An evaluator that does not depend on the order of the arguments."""
        ordered = sorted(filters, key=lambda each: (each.order, each.name))
        return cls(tuple(ordered), {each.name: each for each in scores}, thorough)

    def evaluate(self, request: Request) -> "FilterResult":
        """Apply the filters to all clusters."""
        admitted = np.ones(len(request.columns), np.bool_)
        rejected_by = np.full(len(request.columns), -1, np.intp)
        for index, each in enumerate(self.filters):
            admits = each.admits(request)
            rejected_by[admitted & ~admits] = index
            admitted = admitted & admits
        return FilterResult(request, self, admitted, rejected_by)


@dataclass(frozen=True, slots=True)
class Rejection:
    """How many clusters a filter rejects, and the first of them with the verdict."""

    filter: str
    count: int
    cluster: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class FilterResult:
    """The clusters that the filters admit for one group.

    `rejected_by` is the index of the first filter that rejects a cluster, -1 if none does.
    """

    request: Request
    evaluator: Evaluator
    admitted: Mask
    rejected_by: Codes

    def verdict(self, position: int, request: Request) -> Verdict:
        """That of the first filter that rejects the cluster, else of the last one."""
        filters, cluster = self.evaluator.filters, request.columns.clusters[position]
        return filters[self.rejected_by[position]].admit(request, cluster) if filters else NO_FILTER

    def refusals(self, position: int, request: Request) -> tuple[Verdict, ...]:
        """The verdicts of the first filter that rejects a cluster, or of all if thorough."""
        if not self.evaluator.thorough:
            return (self.verdict(position, request),)
        cluster = request.columns.clusters[position]
        verdicts = (each.admit(request, cluster) for each in self.evaluator.filters)
        return tuple(each for each in verdicts if not each.admitted)

    def rejected(self, filters: Iterable[Filter]) -> Mask:
        """The clusters that some of the filters are the first to reject."""
        found: Mask = np.isin(
            self.rejected_by, [self.evaluator.filters.index(each) for each in filters]
        )
        return found

    @property
    def rejected_selected(self) -> Mask:
        """The clusters that the group selects and another filter rejects."""
        every = self.evaluator.filters
        return self.rejected(each for each in every if each.name not in SELECTION_FILTERS)

    @property
    def selected_count(self) -> int:
        """The number of clusters that the group selects, admitted or not."""
        return int(np.count_nonzero(self.rejected_selected) + np.count_nonzero(self.admitted))

    def rejections(self, request: Request) -> list[Rejection]:
        """One for each filter that is the first to reject some clusters."""
        found = []
        for index, each in enumerate(self.evaluator.filters):
            positions = np.flatnonzero(self.rejected_by == index).tolist()
            if positions:
                name, verdict = (
                    request.columns.names[positions[0]],
                    self.verdict(positions[0], request),
                )
                found.append(Rejection(each.name, len(positions), name, verdict))
        return found


def add_rejection(found: dict[str, Rejection], cluster: str, verdict: Verdict) -> None:
    """Count a rejected cluster for its filter; `found` is by filter."""
    known = found.get(verdict.filter, Rejection(verdict.filter, 0, cluster, verdict))
    found[verdict.filter] = replace(known, count=known.count + 1)
