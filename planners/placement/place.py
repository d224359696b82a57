"""Places components on clusters, group by group: filter, score, select."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planners.model import FilePosition, PlanProblem, Unit, listing
from planners.placement.allocation import Allocation
from planners.placement.arrays import Mask
from planners.placement.columns import Columns
from planners.placement.evaluate import SELECTION_FILTERS, Evaluator, Rejection, add_rejection
from planners.placement.filters import Request
from planners.placement.groups import PlacementGroup, depends_on_others, placement_groups
from planners.placement.select import OwnRules, Selection, select_clusters
from planners.placement.trace import Chosen, Filtered, Step, Taken, Trace

MOST_NAMES = 8
"""Clusters or components that one problem names."""

INTENT_FILTERS = frozenset({"labels", "exceptions"})
"""Filters that enforce what the application itself says about a cluster that it names."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a component cannot be placed; the message has its name between two parts."""

    component: str
    before: str
    after: str
    position: FilePosition


@dataclass(slots=True)
class Placement:
    """The result of a placement run: what was assigned in which steps, and problems.

    `assignments` are the clusters of each group, by its index in `placement_groups`, and `choices`
    how those of choices were selected. `spread_candidates` are the clusters over which components
    with spread rules spread.
    """

    allocation: Allocation
    evaluator: Evaluator
    steps: list[Step] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    assignments: dict[int, tuple[int, ...]] = field(default_factory=dict)
    choices: dict[int, Selection] = field(default_factory=dict)
    failed_components: set[str] = field(default_factory=set)
    spread_candidates: dict[str, Mask] = field(default_factory=dict)

    @property
    def problems(self) -> list[PlanProblem]:
        """The failures; those of one intent that differ in the component alone are one problem."""
        alike: dict[tuple[str, str, FilePosition], list[str]] = {}
        for each in self.failures:
            names = alike.setdefault((each.before, each.after, each.position), [])
            names += [each.component] * (each.component not in names)
        return [
            PlanProblem(f"{before}{listing(names, MOST_NAMES)}{after}", position)
            for (before, after, position), names in alike.items()
        ]

    @property
    def trace(self) -> Trace:
        """All decisions, sorted by component and cluster."""
        return Trace(self.allocation, self.steps)

    def trace_of(self, component: str) -> Trace:
        """The decisions about one component."""
        mine = [each for each in self.steps if each.component == component]
        return Trace(self.allocation, mine)

    @property
    def units(self) -> list[Unit]:
        """The chosen units, sorted."""
        found: dict[str, Mask] = {}
        for step in self.steps:
            chosen = found.setdefault(step.component, np.zeros(len(self.columns), np.bool_))
            if isinstance(step, Taken):
                chosen |= step.filtered.result.admitted
            elif isinstance(step, Chosen):
                chosen[step.selection.selected] = True
        return [
            Unit(component, name)
            for component in sorted(found)
            for name in self.columns.named(found[component])
        ]

    @property
    def columns(self) -> Columns:
        """The clusters of the fleet."""
        return self.allocation.columns

    def apply_filters(self, request: Request) -> Filtered:
        """Apply the filters to every cluster."""
        step = Filtered(self.evaluator.evaluate(request), self.allocation.mark)
        self.steps.append(step)
        return step

    def assign(self, request: Request, clusters: Mask) -> None:
        """Assign the component to clusters, unless it is already."""
        name = request.component.name
        missing = np.flatnonzero(clusters & ~self.allocation.placed(name))
        if len(missing):
            self.allocation.assign_all(name, missing, request.requests)

    def fail(self, group: PlacementGroup, message: str) -> None:
        """Add a problem of a group."""
        name = group.component.name
        before, _, after = re.sub(rf"(?<![-\w]){name}(?![-\w])", "\0", message, count=1).partition(
            "\0"
        )
        self.failures.append(Failure(name, before, after, group.intent.position))
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
    found = {name: allocation.placed(name).copy() for name in spreading}
    for group in groups:
        if group.component.name in spreading and depends_on_others(group):
            request = group.request(allocation, jointly=True)
            found[group.component.name] |= evaluator.evaluate(request).admitted
    placement.spread_candidates = found
    return placement


def decide_group(placement: Placement, index: int, group: PlacementGroup) -> None:
    """Place one group, given the assignments so far."""
    filtered = placement.apply_filters(group.request(placement.allocation))
    if group.count is None:
        take_all(placement, index, group, filtered)
        return
    result = filtered.result
    maximum = group.count.maximum_of(result.selected_count)
    spread_over = placement.spread_candidates.get(group.component.name, result.admitted)
    rules = OwnRules.of(result.request, spread_over)
    selection = select_clusters(
        result.request, result.admitted, maximum, placement.evaluator.scores, rules
    )
    choose_best(
        placement, index, Chosen(group, filtered, selection, placement.allocation.mark, rules)
    )


def take_all(placement: Placement, index: int, group: PlacementGroup, filtered: Filtered) -> None:
    """Assign an allOf to every admitted cluster; a rejected required cluster is a problem."""
    result, columns = filtered.result, placement.columns
    named = {name for selector in group.selectors for name in selector.names or ()}
    filters = placement.evaluator.filters
    missed = result.rejected(each for each in filters if each.name not in INTENT_FILTERS)
    missed &= columns.where(named)
    missed |= result.rejected(each for each in filters if each.required)
    verdicts = {at: result.verdict(at, result.request) for at in np.flatnonzero(missed).tolist()}
    placement.assignments[index] = tuple(np.flatnonzero(result.admitted).tolist())
    placement.assign(result.request, result.admitted)
    placement.steps.append(Taken(group, filtered))
    causes: dict[tuple[str, str, str], list[str]] = {}
    for at, verdict in verdicts.items():
        cause = (verdict.filter, str(verdict.seen), str(verdict.needed))
        causes.setdefault(cause, []).append(columns.names[at])
    for (name, seen, needed), clusters in causes.items():
        message = (
            f"{group.component.name} must run on {listing(clusters, MOST_NAMES)} ({group}), but "
            f"filter {name!r} rejects {'it' if len(clusters) == 1 else 'them'}: {seen}, needs "
            f"{needed}"
        )
        placement.fail(group, message)


def choose_best(placement: Placement, index: int, chosen: Chosen) -> None:
    """Record a choice; too few selected clusters are a problem."""
    group, selection, result = chosen.group, chosen.selection, chosen.filtered.result
    assert group.count is not None
    placement.assignments[index] = tuple(selection.selected)
    placement.choices[index] = selection
    placement.steps.append(chosen)
    minimum = group.count.minimum_of(result.selected_count)
    selected = len(selection.selected)
    if selected < minimum:
        placement.fail(group, too_few(group, selected, minimum, _rejections(placement, chosen)))


def _rejections(placement: Placement, chosen: Chosen) -> list[Rejection]:
    """Why selected clusters were rejected, by filter; why all were, if the group selects none."""
    result = chosen.filtered.result
    before = placement.allocation.anew()
    before.replay(placement.allocation, chosen.filtered.mark)
    every = result.rejections(replace(result.request, allocation=before))
    found = {each.filter: each for each in every if each.filter not in SELECTION_FILTERS}
    if chosen.rules is not None:
        names = placement.columns.names
        for at, verdict in chosen.rules.rejections(chosen.selection.remaining).items():
            add_rejection(found, names[at], verdict)
    return list(found.values()) or every


def too_few(
    group: PlacementGroup, selected: int, minimum: int, rejections: Sequence[Rejection]
) -> str:
    """Why there are too few clusters: the filter that rejected the most, with an example."""
    name = group.component.name
    start = f"only {selected} clusters for {name}" if selected else f"no cluster for {name}"
    text = f"{start} ({group}; minimum {minimum})"
    if not rejections:
        return f"{text}: the fleet has no more matching clusters"
    most = max(sorted(rejections, key=lambda each: each.filter), key=lambda each: each.count)
    return (
        f"{text}: filter {most.filter!r} rejects {most.count} of "
        f"{sum(each.count for each in rejections)}; for example "
        f"{most.cluster}: {most.verdict.seen}, needs {most.verdict.needed}"
    )
