"""Which component goes to which cluster, and why: filter, rank, pick. Called by `plan`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from planners.model import Cluster, Unit
from planners.placement.allocation import Allocation
from planners.placement.filters import Filter, Request, Verdict
from planners.placement.groups import PlacementGroup, placement_groups
from planners.placement.rank import WeightedScore
from planners.placement.scores import Score
from planners.placement.select import Selection, select_clusters
from planners.placement.topology_spread import spread_checks

SELECTION = frozenset({"tenant", "labels"})
OWN_WORD = frozenset({"labels", "exceptions"})


@dataclass(frozen=True, slots=True)
class PlacementDecision:
    """One line of the Trace: one component and one cluster.

    `verdict` is the first filter that dropped the cluster, or the last that admitted it; in a
    thorough plan `refusals` are all that dropped it. `scores`, `total` and `rank` (from 1) are set
    where there was a choice, of which `wanted` says how many were asked for; where an exception
    adds the cluster, it says so.
    """

    unit: Unit
    chosen: bool
    verdict: Verdict
    scores: tuple[WeightedScore, ...] = ()
    total: float | None = None
    rank: int | None = None
    wanted: str = ""
    refusals: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Every filter, in the order of asking, and every score by name."""

    filters: tuple[Filter, ...]
    scores: Mapping[str, Score]
    thorough: bool = False

    @classmethod
    def of(
        cls, filters: Sequence[Filter], scores: Sequence[Score], *, thorough: bool = False
    ) -> "Evaluator":
        """Sorted, so that the order in which they are given changes nothing."""
        ordered = sorted(filters, key=lambda each: (each.order, each.name))
        return cls(tuple(ordered), {each.name: each for each in scores}, thorough)

    def decide(self, request: Request, cluster: Cluster) -> PlacementDecision:
        """Ask the filters: not chosen yet, with the verdict that counts."""
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

    def requires(self, verdict: Verdict) -> bool:
        """Whether an allOf fails when this filter refuses one of its clusters."""
        return any(each.name == verdict.filter and each.required for each in self.filters)


@dataclass(frozen=True, slots=True)
class FilterResult:
    """What the filters say of every cluster, for one group."""

    request: Request
    admitted: tuple[PlacementDecision, ...]
    dropped: tuple[PlacementDecision, ...]

    @property
    def missed(self) -> list[PlacementDecision]:
        """The clusters that the group selects, and some other filter dropped."""
        return [each for each in self.dropped if each.verdict.filter not in SELECTION]


@dataclass(slots=True)
class Placement:
    """What was decided, one decision for each component and cluster, and what could not be.

    `assignments` are the clusters of each group, in the order of `placement_groups`.
    """

    allocation: Allocation
    judge: Evaluator
    decisions: dict[Unit, PlacementDecision] = field(default_factory=dict)
    problems: list[tuple[PlacementGroup, str]] = field(default_factory=list)
    assignments: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def trace(self) -> tuple[PlacementDecision, ...]:
        """All decisions, sorted by component and cluster."""
        return tuple(self.decisions[unit] for unit in sorted(self.decisions))

    @property
    def clusters(self) -> dict[str, Cluster]:
        """The fleet by names, sorted."""
        return {each.name: each for each in sorted(self.allocation.snapshot.clusters, key=_name)}

    def ask(self, request: Request) -> FilterResult:
        """Ask the filters about every cluster, and keep the refusals."""
        judged = [self.judge.decide(request, each) for each in self.clusters.values()]
        dropped = tuple(each for each in judged if not each.verdict.admitted)
        for decision in dropped:
            self.keep(decision)
        return FilterResult(request, tuple(e for e in judged if e.verdict.admitted), dropped)

    def keep(self, decision: PlacementDecision) -> None:
        """Keep the decision that tells more about a unit: chosen, admitted, the better rank.

        Of refusals, one of a cluster that is selected tells more than that another selector does
        not select it.
        """
        known = self.decisions.get(decision.unit)
        if known is None or _weight(decision) > _weight(known):
            self.decisions[decision.unit] = decision

    def take(self, request: Request, cluster: str) -> None:
        """Give a component a cluster, once."""
        name = request.component.name
        if cluster not in self.allocation.sites.get(name, ()):
            self.allocation.place(Unit(name, cluster), request.requests.get(cluster, {}))


def place(allocation: Allocation, judge: Evaluator) -> Placement:
    """Decide for every component that has a placement intent and every cluster.

    Components are placed one after the other, first those that others need; each choice sees what
    the choices before it took. Blind to the order of clusters, intents, filters and scores.
    """
    placement = Placement(allocation, judge)
    groups = placement_groups(allocation.snapshot)
    for index, group in enumerate(groups):
        decide_group(placement, index, group)
    finish(placement, groups)
    return placement


def _name(cluster: Cluster) -> str:
    return cluster.name


def _weight(decision: PlacementDecision) -> tuple[bool, bool, bool, int]:
    selected = decision.verdict.filter not in SELECTION
    return decision.chosen, decision.verdict.admitted, selected, -(decision.rank or 0)


def decide_group(placement: Placement, index: int, group: PlacementGroup) -> None:
    """Decide for one group, after what was decided before."""
    admission = placement.ask(group.request(placement.allocation))
    if group.count is None:
        take_all(placement, index, group, admission)
        return
    _, most = group.count.of(len(admission.missed) + len(admission.admitted))
    candidates = [placement.clusters[each.unit.cluster] for each in admission.admitted]
    picking = select_clusters(admission.request, candidates, most, placement.judge.scores)
    choose_best(placement, index, group, admission, picking)


def take_all(
    placement: Placement, index: int, group: PlacementGroup, admission: FilterResult
) -> None:
    """An allOf takes every admitted cluster; what it had to have and did not get is a problem."""
    placement.assignments[index] = tuple(each.unit.cluster for each in admission.admitted)
    added = f"added {group.exception}" if group.exception else ""
    for decision in admission.admitted:
        placement.take(admission.request, decision.unit.cluster)
        placement.keep(replace(decision, chosen=True, wanted=added))
    named = {name for selector in group.selectors for name in selector.names}
    for decision in admission.dropped:
        verdict = decision.verdict
        missed = decision.unit.cluster in named and verdict.filter not in OWN_WORD
        if missed or placement.judge.requires(verdict):
            message = (
                f"{group.component.name} must run on {decision.unit.cluster} ({group}), but "
                f"{verdict.filter} refuses it: {verdict.seen}, needs {verdict.needed}"
            )
            placement.problems.append((group, message))


def choose_best(
    placement: Placement,
    index: int,
    group: PlacementGroup,
    admission: FilterResult,
    picking: Selection,
) -> None:
    """Keep a decision for every admitted cluster of a choice, and say when there are too few."""
    assert group.count is not None
    least, _ = group.count.of(len(admission.missed) + len(admission.admitted))
    placement.assignments[index] = tuple(picking.picked)
    refused = admission.missed
    order = picking.order
    for decision in admission.admitted:
        name = decision.unit.cluster
        chosen = name in picking.picked
        made = replace(
            decision,
            chosen=chosen,
            verdict=decision.verdict if chosen else picking.refused.get(name, decision.verdict),
            scores=picking.ranked[name].scores,
            total=picking.ranked[name].total,
            rank=order[name],
            wanted=str(group.count),
        )
        placement.keep(made)
        if not made.verdict.admitted:
            refused.append(made)
    if len(picking.picked) < least:
        message = too_few(group, len(picking.picked), least, refused or admission.dropped)
        placement.problems.append((group, message))


def finish(placement: Placement, groups: Sequence[PlacementGroup]) -> None:
    """Check what only the whole can show: spread rules, and components that have no cluster."""
    for group in groups:
        _check_spread(placement, group)
    _check_placed(placement, groups)


def _check_spread(placement: Placement, group: PlacementGroup) -> None:
    """An allOf takes what it selects; when that breaks a spread rule, the plan is refused."""
    if group.count is not None or not group.intent.spread:
        return
    name = group.component.name
    clusters = [
        each
        for each in placement.allocation.snapshot.clusters
        if each.name in placement.allocation.sites.get(name, ())
    ]
    for rule in spread_checks(group.intent.spread, name, placement.allocation, clusters):
        broken = rule.broken()
        if broken is not None:
            message = f"{name} is not spread as asked ({group}): {broken}"
            placement.problems.append((group, message))


def _check_placed(placement: Placement, groups: Sequence[PlacementGroup]) -> None:
    """A component that has no cluster at all, by any of its entries, is a problem."""
    said = {group.component.name for group, _ in placement.problems}
    for group in groups:
        name = group.component.name
        if name in said or name in placement.allocation.sites:
            continue
        said.add(name)
        mine = [each for each in placement.trace if each.unit.component == name]
        selected = [each for each in mine if each.verdict.filter not in SELECTION]
        placement.problems.append((group, too_few(group, 0, 1, selected or mine)))


def too_few(
    group: PlacementGroup, found: int, least: int, refused: Sequence[PlacementDecision]
) -> str:
    """Why there are too few clusters: the filter that removed the most, with an example.

    `refused` are the selected clusters that a filter dropped; all dropped ones where none is
    selected.
    """
    name = group.component.name
    start = f"no cluster for {name}" if not found else f"{found} clusters for {name}"
    wanted = f"{start} ({group}; at least {least} wanted)"
    if not refused:
        return f"{wanted}: the fleet has no more that are selected"
    by_filter: dict[str, list[PlacementDecision]] = {}
    for decision in refused:
        by_filter.setdefault(decision.verdict.filter, []).append(decision)
    worst, most = max(sorted(by_filter.items()), key=lambda item: len(item[1]))
    sample = most[0]
    return (
        f"{wanted}: the filter {worst!r} removed {len(most)} of {len(refused)}; "
        f"{sample.unit.cluster}, for example, has {sample.verdict.seen} where "
        f"{sample.verdict.needed} is needed"
    )
