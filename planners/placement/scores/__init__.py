"""Scores rank the clusters that every filter admitted; one module each, exporting `SCORE: Score`.

A score depends on one cluster alone, on an absolute scale: a cluster that joins the fleet does not
change the scores of others, and therefore cannot cause moves between them. Unknown values score 0,
and the explanation says so.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from planners.model import Cluster
from planners.placement.arrays import Codes, Floats, rounded
from planners.placement.filters import Request

BEST = 100.0


@dataclass(frozen=True, slots=True)
class Points:
    """A score from 0 to 100, rounded to hundredths; higher is better. `inputs` explains it."""

    value: float
    inputs: str


class Score(Protocol):
    """One criterion that ranks clusters."""

    @property
    def name(self) -> str:
        """The key in an intent's `prefer`, without its subject."""

    @property
    def summary(self) -> str:
        """What it prefers, as a phrase; documents and reference pages show it."""

    @property
    def subject(self) -> str:
        """What must follow a slash in the key, such as `label`; empty if nothing may."""

    @property
    def depends_on_choice(self) -> bool:
        """Whether choosing one cluster for the component changes the scores of the others."""

    def values(self, request: Request, subject: str) -> Floats:
        """The points of all clusters; `subject` is what follows a slash (`reported/queue`)."""

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:
        """Score one cluster, with the inputs; the same points as of `values`."""


def one_by_one(score: Score, request: Request, subject: str) -> Floats:
    """The points of all clusters, for a score that has to look at each."""
    points = (score.score(request, each, subject) for each in request.columns.clusters)
    return np.array([each.value for each in points], np.float64)


def key_of(score: Score) -> str:
    """How people write it in `prefer`, such as `cost` or `spread/<label>`."""
    return f"{score.name}/<{score.subject}>" if score.subject else score.name


def falling(value: float, half: float) -> float:
    """100 at 0, 50 at `half`, approaching 0 beyond it."""
    return round(BEST * half / (half + max(value, 0.0)), 2)


def all_falling(values: Floats | Codes, half: float) -> Floats:
    """The same for many values; 0 where they are unknown (NaN)."""
    points = rounded(BEST * half / (half + np.maximum(values, 0.0)))
    return np.where(np.isnan(points), 0.0, points)


def unknown(what: str) -> Points:
    """The score of an unknown value."""
    return Points(0.0, f"{what} unknown")
