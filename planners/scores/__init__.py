"""Scores rank the clusters that every filter admitted: one file each, exporting `SCORE: Score`."""

from typing import Protocol

from planners.filters import Request
from planners.model import Cluster


class Score(Protocol):
    """One reason to prefer a cluster."""

    @property
    def name(self) -> str:
        """The word for it in explanations."""

    def score(self, request: Request, cluster: Cluster, *, running: bool) -> int:
        """From 0 to 100, higher is better; `running`: the component is merged there already."""
