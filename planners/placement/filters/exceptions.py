"""A component leaves the clusters that an exception takes away, and gets those that one adds.

What is added comes on top: no choice counts it, so that it takes nobody's place.
"""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.exceptions import adding, removing
from planners.placement.filters import Filter, Request, Verdict

NONE = "no exception"


@dataclass(frozen=True, slots=True)
class Exceptions:
    """Refuses what an exception takes away, and in a choice what one adds."""

    name: str = "exceptions"
    summary: str = "stays off clusters that an exception removes"
    order: int = 25
    required: bool = False

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether no exception that holds now decides otherwise."""
        snapshot, component = request.allocation.snapshot, request.component.name
        rule = removing(snapshot, component, cluster.name)
        if rule is not None:
            return Verdict(self.name, admitted=False, seen=f"taken away {rule}", needed=NONE)
        rule = adding(snapshot, component, cluster.name) if request.choosing else None
        if rule is not None:
            return Verdict(self.name, admitted=False, seen=f"added {rule}", needed=NONE)
        return Verdict(self.name, admitted=True, seen=NONE, needed=NONE)


FILTER: Filter = Exceptions()
