"""Places components on clusters, group by group: filter, score, select."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from planners.model import Cluster, PlanProblem, Unit
from planners.placement.allocation import Allocation
from planners.placement.filters import Filter, Request, Verdict
from planners.placement.groups import PlacementGroup, depends_on_others, placement_groups
from planners.placement.rank import WeightedScore, score_cluster
from planners.placement.scores import Score
from planners.placement.select import Selection, select_clusters

SELECTION_FILTERS = frozenset({"tenant", "labels"})
"""Filters whose rejection means that the intent does not select the cluster at all."""

INTENT_FILTERS = frozenset({"labels", "exceptions"})
"""Filters that enforce what the application itself says about a cluster that it names."""


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


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Applies filters, in order, and holds the scores by name.

    With `thorough` all filters are applied, not only those up to the first rejection.
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

    def evaluate(self, request: Request, cluster: Cluster) -> PlacementDecision:
        """Apply the filters to one cluster; the decision is not chosen yet."""
        unit = Unit(request.component.name, cluster.name)
        verdict = Verdict("none", admitted=True, seen="", needed="")
        refusals: list[Verdict] = []
        for each in self.filters:
            verdict = each.admit(request, cluster)
            if not verdict.admitted:
                refusals.append(verdict)
                if not self.thorough:
                    break
        if refusals:
            return PlacementDecision(
                unit, chosen=False, verdict=refusals[0], refusals=tuple(refusals)
            )
        return PlacementDecision(unit, chosen=False, verdict=verdict)

    def is_required(self, verdict: Verdict) -> bool:
        """Whether a rejection by this filter makes an allOf fail."""
        return any(each.name == verdict.filter and each.required for each in self.filters)


@dataclass(frozen=True, slots=True)
class FilterResult:
    """The filters' decisions about every cluster, for one group."""

    request: Request
    admitted: tuple[PlacementDecision, ...]
    rejected: tuple[PlacementDecision, ...]

    @property
    def rejected_selected(self) -> list[PlacementDecision]:
        """The clusters that the group selects and another filter rejected."""
        return [each for each in self.rejected if each.verdict.filter not in SELECTION_FILTERS]

    @property
    def selected_count(self) -> int:
        """The number of clusters that the group selects, admitted or not."""
        return len(self.rejected_selected) + len(self.admitted)


@dataclass(slots=True)
class Placement:
    """The result of a placement run: one decision for each component and cluster, and problems.

    `assignments` are the clusters of each group, by its index in `placement_groups`.
    `spread_candidates` are the clusters over which components with spread rules spread.
    """

    allocation: Allocation
    evaluator: Evaluator
    decisions: dict[Unit, PlacementDecision] = field(default_factory=dict)
    problems: list[PlanProblem] = field(default_factory=list)
    assignments: dict[int, tuple[str, ...]] = field(default_factory=dict)
    failed_components: set[str] = field(default_factory=set)
    spread_candidates: dict[str, list[Cluster]] = field(default_factory=dict)

    @property
    def trace(self) -> tuple[PlacementDecision, ...]:
        """All decisions, sorted by component and cluster."""
        return tuple(self.decisions[unit] for unit in sorted(self.decisions))

    @property
    def clusters(self) -> dict[str, Cluster]:
        """The clusters of the fleet, by name, sorted."""
        return {each.name: each for each in sorted(self.allocation.snapshot.clusters, key=_name)}

    def apply_filters(self, request: Request) -> FilterResult:
        """Apply the filters to every cluster, and record the rejections."""
        decisions = [self.evaluator.evaluate(request, each) for each in self.clusters.values()]
        rejected = tuple(each for each in decisions if not each.verdict.admitted)
        for decision in rejected:
            self.record(decision)
        return FilterResult(request, tuple(e for e in decisions if e.verdict.admitted), rejected)

    def record(self, decision: PlacementDecision) -> None:
        """Record a decision unless a more significant one about the unit is recorded.

        In descending significance: chosen, admitted, rejected though selected, not selected; then
        by rank.
        """
        recorded = self.decisions.get(decision.unit)
        if recorded is None or _significance(decision) > _significance(recorded):
            self.decisions[decision.unit] = decision

    def assign(self, request: Request, cluster: str) -> None:
        """Assign the component to a cluster, unless it is already."""
        name = request.component.name
        if cluster not in self.allocation.clusters_of.get(name, ()):
            self.allocation.assign(Unit(name, cluster), request.requests.get(cluster, {}))

    def fail(self, group: PlacementGroup, message: str) -> None:
        """Add a problem of a group."""
        self.problems.append(PlanProblem(message, group.intent.position))
        self.failed_components.add(group.component.name)


def place(allocation: Allocation, evaluator: Evaluator) -> Placement:
    """Place every component that has a placement intent.

    Groups are placed one after the other, dependencies first; each choice respects the assignments
    before it. The result does not depend on the order of clusters, intents, filters and scores; it
    may violate rules (see `verify`).
    """
    placement = place_fixed(allocation, evaluator)
    for index, group in enumerate(placement_groups(allocation.snapshot)):
        if depends_on_others(group):
            decide_group(placement, index, group)
    return placement


def place_fixed(allocation: Allocation, evaluator: Evaluator) -> Placement:
    """Place the groups that do not depend on others, and find what the others can spread over.

    These are all clusters that the filters admit before anything is chosen: a region that choices
    fill up remains a region.
    """
    placement = Placement(allocation, evaluator)
    groups = placement_groups(allocation.snapshot)
    for index, group in enumerate(groups):
        if not depends_on_others(group):
            decide_group(placement, index, group)
    spreading = {each.component.name for each in groups if each.count and each.intent.spread}
    names = {name: set(allocation.clusters_of.get(name, ())) for name in spreading}
    for group in groups:
        if group.component.name in spreading and depends_on_others(group):
            request = group.request(allocation, jointly=True)
            names[group.component.name].update(
                each.name
                for each in placement.clusters.values()
                if evaluator.evaluate(request, each).verdict.admitted
            )
    placement.spread_candidates = {
        name: [placement.clusters[each] for each in sorted(found)] for name, found in names.items()
    }
    return placement


def _name(cluster: Cluster) -> str:
    return cluster.name


def _significance(decision: PlacementDecision) -> tuple[bool, bool, bool, int]:
    selected = decision.verdict.filter not in SELECTION_FILTERS
    return decision.chosen, decision.verdict.admitted, selected, -(decision.rank or 0)


def decide_group(placement: Placement, index: int, group: PlacementGroup) -> None:
    """Place one group, given the assignments so far."""
    result = placement.apply_filters(group.request(placement.allocation))
    if group.count is None:
        take_all(placement, index, group, result)
        return
    maximum = group.count.maximum_of(result.selected_count)
    candidates = [placement.clusters[each.unit.cluster] for each in result.admitted]
    scores = placement.evaluator.scores
    spread_over = placement.spread_candidates.get(group.component.name, candidates)
    selection = select_clusters(result.request, candidates, maximum, scores, spread_over)
    choose_best(placement, index, group, result, selection)


def take_all(placement: Placement, index: int, group: PlacementGroup, result: FilterResult) -> None:
    """Assign an allOf to every admitted cluster; a rejected required cluster is a problem."""
    placement.assignments[index] = tuple(each.unit.cluster for each in result.admitted)
    added = f"added {group.exception}" if group.exception else ""
    for decision in result.admitted:
        placement.assign(result.request, decision.unit.cluster)
        placement.record(replace(decision, chosen=True, wanted=added))
    named = {name for selector in group.selectors for name in selector.names or ()}
    for decision in result.rejected:
        verdict = decision.verdict
        missed = decision.unit.cluster in named and verdict.filter not in INTENT_FILTERS
        if missed or placement.evaluator.is_required(verdict):
            message = (
                f"{group.component.name} must run on {decision.unit.cluster} ({group}), but filter "
                f"{verdict.filter!r} rejects it: {verdict.seen}, needs {verdict.needed}"
            )
            placement.fail(group, message)


def choose_best(
    placement: Placement,
    index: int,
    group: PlacementGroup,
    result: FilterResult,
    selection: Selection,
) -> None:
    """Record the decisions of a choice; too few selected clusters are a problem."""
    assert group.count is not None
    minimum = group.count.minimum_of(result.selected_count)
    placement.assignments[index] = tuple(selection.selected)
    rejected = result.rejected_selected
    ranks = selection.ranks
    full = len(selection.selected) >= group.count.maximum_of(result.selected_count)
    totals = [selection.scores[name].total for name in selection.selected if full]
    to_beat = min(totals, default=None)
    _score_rejected(placement, result, to_beat)
    for admitted in result.admitted:
        name = admitted.unit.cluster
        chosen = name in selection.selected
        decision = replace(
            admitted,
            chosen=chosen,
            verdict=admitted.verdict if chosen else selection.rejected.get(name, admitted.verdict),
            scores=selection.scores[name].scores,
            total=selection.scores[name].total,
            rank=ranks[name],
            wanted=str(group.count),
            to_beat=None if chosen else to_beat,
        )
        placement.record(decision)
        if not decision.verdict.admitted:
            rejected.append(decision)
    selected = len(selection.selected)
    if selected < minimum:
        placement.fail(group, too_few(group, selected, minimum, rejected or result.rejected))


def _score_rejected(placement: Placement, result: FilterResult, to_beat: float | None) -> None:
    """In a thorough plan, say what rejected clusters would score, and have to beat."""
    scores = placement.evaluator.scores
    for decision in result.rejected if placement.evaluator.thorough else ():
        unit = decision.unit
        if placement.decisions.get(unit) is decision:
            total = score_cluster(result.request, placement.clusters[unit.cluster], scores).total
            placement.decisions[unit] = replace(decision, to_beat=to_beat, if_admitted=total)


def too_few(
    group: PlacementGroup, selected: int, minimum: int, rejected: Sequence[PlacementDecision]
) -> str:
    """Why there are too few clusters: the filter that rejected the most, with an example.

    `rejected` are the selected clusters that another filter rejected; all rejected ones if the
    group selects none.
    """
    name = group.component.name
    start = f"only {selected} clusters for {name}" if selected else f"no cluster for {name}"
    text = f"{start} ({group}; minimum {minimum})"
    if not rejected:
        return f"{text}: the fleet has no more matching clusters"
    by_filter: dict[str, list[PlacementDecision]] = {}
    for decision in rejected:
        by_filter.setdefault(decision.verdict.filter, []).append(decision)
    name, decisions = max(sorted(by_filter.items()), key=lambda item: len(item[1]))
    example = decisions[0]
    return (
        f"{text}: filter {name!r} rejects {len(decisions)} of {len(rejected)}; for example "
        f"{example.unit.cluster}: {example.verdict.seen}, needs {example.verdict.needed}"
    )
