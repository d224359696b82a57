"""Filters say which clusters a component may run on: one file each, exporting `FILTER: Filter`.

A filter answers for one cluster at a time and says what it saw and what it needed, so that every
rejected cluster can be explained.
"""

from dataclasses import dataclass
from typing import Protocol

from planners.model import Cluster, Component, Tenant
from planners.selectors import Selector


@dataclass(frozen=True, slots=True)
class Request:
    """A component in search of clusters, with one selector of its placement intent."""

    component: Component
    selector: Selector
    tenant: Tenant


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

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether the component may run there."""
