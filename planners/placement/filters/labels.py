"""A component goes where names and labels match a selector of its placement intent."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.model.selectors import Selector
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class Labels:
    """Admits the clusters that one of the selectors selects and no exception takes away."""

    name: str = "labels"
    summary: str = "runs where a selector of the placement matches"
    order: int = 20
    required: bool = False

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether a selector selects it; the verdict shows the first requirement that fails."""
        excluded = request.intent.excluded
        if excluded is not None and excluded.matches(cluster):
            return self._refuse("is excepted", f"except {excluded}")
        for selector in request.selectors:
            if selector.matches(cluster):
                return Verdict(self.name, admitted=True, seen="match", needed=str(selector))
        if len(request.selectors) > 1:
            needed = " or ".join(f"({selector})" for selector in request.selectors)
            return self._refuse("no match", needed)
        return self._first_mismatch(request.selectors[0], cluster)

    def _first_mismatch(self, selector: Selector, cluster: Cluster) -> Verdict:
        if selector.names and cluster.name not in selector.names:
            return self._refuse(f"name {cluster.name}", f"name in ({', '.join(selector.names)})")
        for requirement in selector.requirements:
            if not requirement.holds(cluster.labels):
                key = requirement.key
                value = cluster.labels.get(key)
                seen = f"no label {key}" if value is None else f"{key}={value}"
                return self._refuse(seen, str(requirement))
        return self._refuse("is excepted", f"except {selector.excluded}")

    def _refuse(self, seen: str, needed: str) -> Verdict:
        return Verdict(self.name, admitted=False, seen=seen, needed=needed)


FILTER: Filter = Labels()
