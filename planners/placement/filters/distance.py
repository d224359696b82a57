"""Maximum distance and latency to the users."""

from dataclasses import dataclass

import numpy as np

from planners.model import Cluster
from planners.placement import distance
from planners.placement.arrays import Mask
from planners.placement.filters import Filter, Request, Verdict, one_by_one


@dataclass(frozen=True, slots=True)
class MaximumDistance:
    """Admits clusters within the maximum distance and latency; unknown values are rejected."""

    name: str = "distance"
    summary: str = "stays near the users"
    order: int = 60
    required: bool = False

    def admits(self, request: Request) -> Mask:
        """Where both limits hold."""
        intent, columns = request.intent, request.columns
        if intent.max_distance is None and intent.max_latency is None:
            return np.ones(len(columns), np.bool_)
        key = ("distance", intent.users, intent.max_distance, intent.max_latency)
        return columns.keep(key, lambda: one_by_one(self, request))

    def admit(self, request: Request, cluster: Cluster) -> Verdict:
        """Whether both limits hold; the verdict names the first that does not."""
        intent = request.intent
        if intent.max_distance is not None:
            needed = f"at most {intent.max_distance:g} km to the nearest users"
            near = distance.nearest(intent.users, cluster)
            if near is None:
                return Verdict(self.name, admitted=False, seen="location unknown", needed=needed)
            if near.kilometres > intent.max_distance:
                seen = f"{near.kilometres:g} km to {near.place}"
                return Verdict(self.name, admitted=False, seen=seen, needed=needed)
        if intent.max_latency is not None:
            reported = request.allocation.facts.get(cluster.name)
            latency = distance.latency(intent.users, cluster, reported)
            needed = f"at most {intent.max_latency:g} ms to the users on average"
            if latency is None:
                return Verdict(self.name, admitted=False, seen="latency unknown", needed=needed)
            if latency.value > intent.max_latency:
                seen = f"{latency.value:g} ms ({latency.source})"
                return Verdict(self.name, admitted=False, seen=seen, needed=needed)
        return Verdict(self.name, admitted=True, seen="within limits", needed="distance limits")


FILTER: Filter = MaximumDistance()
