"""Prefers the company that the intent wishes for."""

from dataclasses import dataclass

from planners.model import Cluster
from planners.placement.affinity import neighbours
from planners.placement.affinity import subject as named
from planners.placement.filters import Request
from planners.placement.scores import BEST, Points, Score


@dataclass(frozen=True, slots=True)
class PreferredAffinity:
    """By the share of the preferred (not required) affinities that hold there."""

    name: str = "affinity"
    summary: str = "clusters where the preferred affinities hold"
    subject: str = ""
    depends_on_choice: bool = False

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:  # noqa: ARG002 - the Protocol's arguments
        """From what is placed so far."""
        wished = [rule for rule in request.intent.affinity if not rule.required]
        held = [
            rule
            for rule in wished
            if bool(neighbours(request.allocation, rule, cluster)) is not rule.apart
        ]
        if not wished:
            return Points(0.0, "no affinity is preferred")
        names = ", ".join(("apart from " if r.apart else "with ") + named(r) for r in held)
        return Points(round(BEST * len(held) / len(wished), 2), names or "none holds")


SCORE: Score = PreferredAffinity()
