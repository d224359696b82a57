"""Keeps what runs: a component is not moved between clusters that are equally good."""

from dataclasses import dataclass

from planners.filters import Request
from planners.model import Cluster
from planners.scores import Score


@dataclass(frozen=True, slots=True)
class Steady:
    """100 where the component runs already, 0 elsewhere."""

    name: str = "steady"

    def score(self, request: Request, cluster: Cluster, *, running: bool) -> int:  # noqa: ARG002 - the Protocol's arguments
        """100 or 0."""
        return 100 if running else 0


SCORE: Score = Steady()
