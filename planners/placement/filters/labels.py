"""Cluster names and labels, as the placement intent selects them."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.model.selectors import Selector
from planners.placement.arrays import Mask
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class Labels:
    """Admits clusters that match one of the selectors and none of the exclusions."""

    name: str = "labels"
    summary: str = "runs where a selector of the placement matches"
    order: int = 20
    required: bool = False

    def admits(self, request: Request) -> Mask:
        """Where a selector matches and no exclusion does."""
        first, *others = map(request.columns.matching, request.selectors)
        found = first.copy()
        for each in others:
            found |= each
        if request.intent.excluded is not None:
            found &= ~request.columns.matching(request.intent.excluded)
        return found

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether a selector matches; the verdict names the first requirement that is not met."""
        excluded = request.intent.excluded
        if excluded is not None and excluded.matches(cluster):
            return self._reject(f"matches {excluded}", f"except {excluded}")
        for selector in request.selectors:
            if selector.matches(cluster):
                return Verdict(self.name, admitted=True, seen="match", needed=str(selector))
        if len(request.selectors) > 1:
            needed = " or ".join(f"({selector})" for selector in request.selectors)
            return self._reject("no match", needed)
        return self._first_mismatch(request.selectors[0], cluster)

    def _first_mismatch(self, selector: Selector, cluster: Cluster) -> Verdict:
        if selector.names is not None and cluster.name not in selector.names:
            return self._reject(f"name {cluster.name}", f"name in ({', '.join(selector.names)})")
        for requirement in selector.requirements:
            if not requirement.holds(cluster.labels):
                key = requirement.key
                value = cluster.labels.get(key)
                seen = f"no label {key}" if value is None else f"{key}={value}"
                return self._reject(seen, str(requirement))
        return self._reject(f"matches {selector.excluded}", f"except {selector.excluded}")

    def _reject(self, seen: str, needed: str) -> Verdict:
        return Verdict(self.name, admitted=False, seen=seen, needed=needed)


FILTER: Filter = Labels()
