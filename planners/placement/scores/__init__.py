"""Scores rank the clusters that every filter admitted: one file each, exporting `SCORE: Score`.

A score looks at one cluster alone, on a scale that stands still: another cluster that joins changes
no score, so it cannot make what runs move between others. What is not known scores 0, and says so.
"""

from dataclasses import dataclass
from typing import Protocol

from planners.model import Cluster
from planners.placement.filters import Request

BEST = 100.0


@dataclass(frozen=True, slots=True)
class Points:
    """From 0 to 100, higher is better, in hundredths; `inputs` says where from."""

    value: float
    inputs: str


class Score(Protocol):
    """One reason to prefer a cluster."""

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
        """Score one cluster; `subject` is what follows a slash in the key (`reported/queue`)."""


def key_of(score: Score) -> str:
    """How people write it in `prefer`, such as `cost` or `spread/<label>`."""
    return f"{score.name}/<{score.subject}>" if score.subject else score.name


def falling(value: float, half: float) -> float:
    """100 at 0, 50 at `half`, ever nearer to 0 beyond: differences count everywhere."""
    return round(BEST * half / (half + max(value, 0.0)), 2)


def unknown(what: str) -> Points:
    """The points of what is not known."""
    return Points(0.0, f"{what} unknown")
