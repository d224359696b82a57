"""Whose placement decides as well where a component runs; said by thorough plans.

What a rejected cluster lacks is known only for the placement as it is. Once it has that, components
which share a rule or scarce room with this one may be placed elsewhere, and so may it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from planners.placement.groups import PlacementGroup, depends_on_others, placement_groups
from planners.placement.place import Placement
from planners.placement.trace import PlacementDecision

RELATIVE_SCORES = frozenset({"affinity", "balance", "headroom"})
"""Scores of a cluster that change with the other components there."""


def with_interplay(placement: Placement) -> tuple[PlacementDecision, ...]:
    """The Trace, where clusters that are not chosen name what else decides about them."""
    groups = [e for e in placement_groups(placement.allocation.snapshot) if depends_on_others(e)]
    linked = _linked(placement, groups)
    spread = {each.component.name for each in groups if each.intent.spread}
    return tuple(
        each
        if each.chosen
        else replace(
            each,
            depends_on=tuple(sorted(linked.get(each.unit.component, frozenset()))),
            spreads=each.unit.component in spread,
        )
        for each in placement.trace
    )


def _linked(placement: Placement, groups: Sequence[PlacementGroup]) -> dict[str, frozenset[str]]:
    """For each component the others that it is linked with, also through others."""
    parties = {each.component.name: {each.component.name} for each in groups}
    for one, other in _links(placement, groups):
        joined = parties[one] | parties[other]
        for name in joined:
            parties[name] = joined
    return {name: frozenset(joined - {name}) for name, joined in parties.items()}


def _links(placement: Placement, groups: Sequence[PlacementGroup]) -> Iterator[tuple[str, str]]:
    scarce = _scarce(placement, groups)
    for first, second in combinations(groups, 2):
        one, other = first.component.name, second.component.name
        if one == other:
            continue
        ruled = _names(first, other) or _names(second, one) or _is_relative(first, second)
        if ruled or any({one, other} <= names for names in scarce):
            yield one, other


def _names(group: PlacementGroup, component: str) -> bool:
    return any(rule.component == component for rule in group.intent.affinity)


def _is_relative(*groups: PlacementGroup) -> bool:
    keys = {key.partition("/")[0] for each in groups for key in each.intent.prefer}
    return bool(keys & RELATIVE_SCORES)


def _scarce(placement: Placement, groups: Sequence[PlacementGroup]) -> list[set[str]]:
    """The components that some cluster has no room for together, by cluster and resource."""
    allocation = placement.allocation
    by_name = {each.component.name: each.request(allocation) for each in groups}
    found: list[set[str]] = []
    for cluster in placement.columns.clusters:
        wanted: dict[str, dict[str, int]] = {}
        for name, request in by_name.items():
            for resource, amount in request.requests.get(cluster.name, {}).items():
                if amount:
                    wanted.setdefault(resource, {})[name] = amount
        for resource, amounts in wanted.items():
            free = allocation.free(cluster, resource)
            here = allocation.components_on(cluster.name)
            more = sum(amount for name, amount in amounts.items() if name not in here)
            if free is not None and free.value < more:
                found.append(set(amounts))
    return found
