"""Filters say which clusters a component may run on: one file each, exporting `FILTER: Filter`.

A filter answers for one cluster at a time and says what it saw and what it needed, so that every
rejected cluster can be explained.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from planners.model import Cluster, Component, PlacementIntent, Tenant, Unit
from planners.model.requests import Amounts
from planners.model.selectors import Selector
from planners.placement.allocation import Allocation


@dataclass(frozen=True, slots=True)
class Request:
    """A component in search of clusters, with the selectors of one allOf entry or anyOf.

    `requests` is what it requests on each cluster, in nano-units by resource. With `choosing` there
    are clusters to choose from; without, every selected cluster is meant. With `jointly` a solver
    places all components at once: what depends on its choices is its business, not a filter's.
    """

    component: Component
    selectors: tuple[Selector, ...]
    tenant: Tenant
    intent: PlacementIntent
    allocation: Allocation
    requests: Mapping[str, Amounts] = field(default_factory=dict)
    choosing: bool = False
    jointly: bool = False

    def running(self, cluster: Cluster) -> bool:
        """Whether the component is merged or proposed there already."""
        return Unit(self.component.name, cluster.name) in self.allocation.running


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a filter says of one cluster: `seen` is what it found, `needed` what it asks for."""

    filter: str
    admitted: bool
    seen: str
    needed: str


class Filter(Protocol):
    """One reason why a cluster may be out of the question."""

    @property
    def name(self) -> str:
        """The word for it in explanations."""

    @property
    def summary(self) -> str:
        """What it requires of a component, as a phrase; the reference pages show it."""

    @property
    def order(self) -> int:
        """Filters are asked in this order; the first that refuses is the one that is named."""

    @property
    def required(self) -> bool:
        """Whether an allOf fails when a cluster that it selects is refused by this filter."""

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Judge one cluster."""
