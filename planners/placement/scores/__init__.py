"""Scores rank the clusters that every filter admitted; one module each, exporting `SCORE: Score`.

A score depends on one cluster alone, on an absolute scale: a cluster that joins the fleet does not
change the scores of others, and therefore cannot cause moves between them. Unknown values score 0,
and the explanation says so.
"""

from dataclasses import dataclass
from typing import Protocol

from planners.model import Cluster
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

    def score(self, request: Request, cluster: Cluster, subject: str) -> Points:
        """Score one cluster; `subject` is the part of the key after a slash (`reported/queue`)."""


def key_of(score: Score) -> str:
    """How people write it in `prefer`, such as `cost` or `spread/<label>`."""
    return f"{score.name}/<{score.subject}>" if score.subject else score.name


def falling(value: float, half: float) -> float:
    """100 at 0, 50 at `half`, approaching 0 beyond it."""
    return round(BEST * half / (half + max(value, 0.0)), 2)


def unknown(what: str) -> Points:
    """The score of an unknown value."""
    return Points(0.0, f"{what} unknown")
