"""A component goes where the labels match the selector of its placement intent."""

from dataclasses import dataclass

from planners.filters import Filter, Request, Verdict
from planners.model import Cluster


@dataclass(frozen=True, slots=True)
class Labels:
    """Admits the clusters whose labels meet every requirement of the selector."""

    name: str = "labels"

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether all requirements hold; the verdict shows the first that does not."""
        for requirement in request.selector.requirements:
            if not requirement.holds(cluster.labels):
                value = cluster.labels.get(requirement.key)
                seen = (
                    f"no label {requirement.key}" if value is None else f"{requirement.key}={value}"
                )
                return Verdict(self.name, admitted=False, seen=seen, needed=str(requirement))
        return Verdict(self.name, admitted=True, seen="match", needed=str(request.selector))


FILTER: Filter = Labels()
