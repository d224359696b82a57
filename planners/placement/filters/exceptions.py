"""Temporary exceptions that add or remove clusters.

An added cluster does not count towards any choice, so that it displaces no other cluster.
"""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.arrays import Mask
from planners.placement.exceptions import adding, in_force, removing
from planners.placement.filters import Filter, Request, Verdict

NONE = "no exception"


@dataclass(frozen=True, slots=True)
class Exceptions:
    """Rejects clusters that an exception removes and, in a choice, those that one adds."""

    name: str = "exceptions"
    summary: str = "stays off clusters that an exception removes"
    order: int = 25
    required: bool = False

    def admits(self, request: Request) -> Mask:
        """All clusters that no exception in force names."""
        columns, snapshot = request.columns, request.allocation.snapshot
        rules = list(in_force(snapshot, request.component.name))
        names = {name for rule in rules for name in rule.remove}
        if request.choosing:
            names.update(name for rule in rules for name in rule.add)
        return ~columns.where(names)

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether no exception in force concerns the cluster."""
        snapshot, component = request.allocation.snapshot, request.component.name
        rule = removing(snapshot, component, cluster.name)
        if rule is not None:
            return Verdict(self.name, admitted=False, seen=f"removed {rule}", needed=NONE)
        rule = adding(snapshot, component, cluster.name) if request.choosing else None
        if rule is not None:
            return Verdict(self.name, admitted=False, seen=f"added {rule}", needed=NONE)
        return Verdict(self.name, admitted=True, seen=NONE, needed=NONE)


FILTER: Filter = Exceptions()
