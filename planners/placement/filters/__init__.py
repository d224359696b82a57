"""Filters decide where a component may run; one module each, exporting `FILTER: Filter`.

A filter decides about all clusters at once, so that large fleets cost little. For each it can also
state what it found and what it requires, so that every rejection can be explained.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from planners.model import Cluster, Component, PlacementIntent, Tenant, Unit
from planners.model.selectors import Selector
from planners.placement.allocation import Allocation
from planners.placement.arrays import Mask
from planners.placement.columns import Columns
from planners.placement.request_table import RequestTable


@dataclass(frozen=True, slots=True)
class Request:
    """A component to be placed, with the selectors of one allOf entry or anyOf.

    `requests` are its resource requests on each cluster, in nano-units by resource. `choosing`:
    some of the selected clusters are to be chosen; otherwise all of them are required. `jointly`: a
    solver places all components together, so that filters ignore rules between these components.
    """

    component: Component
    selectors: tuple[Selector, ...]
    tenant: Tenant
    intent: PlacementIntent
    allocation: Allocation
    requests: RequestTable
    choosing: bool = False
    jointly: bool = False

    def running(self, cluster: Cluster) -> bool:
        """Whether the component is already merged or proposed there."""
        return self.allocation.supply.is_running(Unit(self.component.name, cluster.name))

    @property
    def columns(self) -> Columns:
        """The clusters of the fleet."""
        return self.allocation.columns

    @property
    def running_on(self) -> Mask:
        """Where the component is already merged or proposed."""
        return self.allocation.supply.running_on(self.component.name)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A filter's decision about one cluster: `seen` is what it found, `needed` what it requires."""

    filter: str
    admitted: bool
    seen: str
    needed: str


class Filter(Protocol):
    """One criterion that can exclude a cluster."""

    @property
    def name(self) -> str:
        """The name in explanations."""

    @property
    def summary(self) -> str:
        """What it requires of a component, as a phrase; the reference pages show it."""

    @property
    def order(self) -> int:
        """Filters are applied in ascending order; explanations name the first that rejects."""

    @property
    def required(self) -> bool:
        """Whether an allOf fails when this filter rejects one of its clusters."""

    def admits(self, request: Request) -> Mask:
        """Decide about all clusters of the fleet."""

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Decide about one cluster, with the reason; the same decision as of `admits`."""


def one_by_one(judge: Filter, request: Request) -> Mask:
    """The decisions of a filter about all clusters, for a filter that has to look at each."""
    verdicts = (judge.admit(request, each) for each in request.columns.clusters)
    return np.fromiter((each.admitted for each in verdicts), np.bool_, len(request.columns))
