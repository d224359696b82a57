"""A component stays near its users: in kilometres to the nearest, in milliseconds on average."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement import distance
from planners.placement.filters import Filter, Request, Verdict


@dataclass(frozen=True, slots=True)
class UserDistance:
    """Admits clusters within the intent's greatest distance and latency; unknown is too far."""

    name: str = "distance"
    summary: str = "stays near the users"
    order: int = 60
    required: bool = False

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether both hold; the verdict shows the first that does not."""
        intent = request.intent
        if intent.max_distance is not None:
            needed = f"at most {intent.max_distance:g} km to the nearest users"
            near = distance.nearest(intent.users, cluster)
            if near is None:
                return Verdict(self.name, admitted=False, seen="location unknown", needed=needed)
            if near[0] > intent.max_distance:
                seen = f"{near[0]:g} km to {near[1]}"
                return Verdict(self.name, admitted=False, seen=seen, needed=needed)
        if intent.max_latency is not None:
            reported = request.allocation.facts.get(cluster.name)
            found = distance.latency(intent.users, cluster, reported)
            needed = f"at most {intent.max_latency:g} ms to the users on average"
            if found is None:
                return Verdict(self.name, admitted=False, seen="latency unknown", needed=needed)
            if found.value > intent.max_latency:
                seen = f"{found.value:g} ms ({found.source})"
                return Verdict(self.name, admitted=False, seen=seen, needed=needed)
        return Verdict(self.name, admitted=True, seen="near enough", needed="the users' distance")


FILTER: Filter = UserDistance()
