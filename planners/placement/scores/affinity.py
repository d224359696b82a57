"""Prefers clusters that satisfy the intent's preferred affinities."""

from dataclasses import dataclass

import numpy as np

from planners.model import Cluster
from planners.placement.affinity import describe, hosts_in_domain
from planners.placement.arrays import Floats
from planners.placement.filters import Request
from planners.placement.scores import BEST, Points, Score


@dataclass(frozen=True, slots=True)
class PreferredAffinity:
    """Scores the share of the preferred (not required) affinities that are satisfied there."""

    name: str = "affinity"
    summary: str = "clusters where the preferred affinities hold"
    subject: str = ""
    depends_on_choice: bool = False

    def values(self, request: Request, subject: str) -> Floats:  # noqa: ARG002 - see below
        """Evaluates the assignments so far."""
        preferred = [rule for rule in request.intent.affinity if not rule.required]
        counts = np.zeros(len(request.columns), np.intp)
        for rule in preferred:
            hosts = request.allocation.near(rule, "")
            counts += hosts != rule.apart
        shares = [round(BEST * n / max(len(preferred), 1), 2) for n in range(len(preferred) + 1)]
        found: Floats = np.array(shares)[counts]
        return found

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:  # noqa: ARG002 - the Protocol's arguments
        """Evaluates the assignments so far."""
        preferred = [rule for rule in request.intent.affinity if not rule.required]
        satisfied = [
            rule
            for rule in preferred
            if bool(hosts_in_domain(request.allocation, rule, cluster)) is not rule.apart
        ]
        if not preferred:
            return Points(0.0, "no preferred affinities")
        names = ", ".join(("apart from " if r.apart else "with ") + describe(r) for r in satisfied)
        return Points(round(BEST * len(satisfied) / len(preferred), 2), names or "none satisfied")


SCORE: Score = PreferredAffinity()
