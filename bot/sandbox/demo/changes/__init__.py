"""Ready-made changes of the demonstration: one file each, exporting `CHANGE`.

A change returns what to do as a value and does nothing itself: a merge request by one of the
people, clusters on which components fail, and where to look. `bot.sandbox.demo.playing` performs
it. Each may raise NotNowError.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

Failing = Mapping[str, frozenset[str]]
"""The components whose health checks fail, by cluster."""

BROKEN_CLUSTER, BROKEN_COMPONENT = "eu-edge-1", "ads"
"""A canary, and a component that `bump-an-image` changes."""


class NotNowError(Exception):
    """The change has no effect now; the message says why and what to do."""


class Place(Enum):
    """Whose pages a look is at; `REQUEST` is the merge request of the change itself."""

    FORGE = "forge"
    SERVICE = "service"
    REQUEST = "merge request"


@dataclass(frozen=True, slots=True)
class Look:
    """A page to look at, and what it shows; `path` begins with a slash, or is empty."""

    place: Place
    path: str
    shows: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What the demonstration holds now: the main branches of two repositories, and what fails."""

    app: Mapping[str, bytes]
    fleet: Mapping[str, bytes]
    failing: Failing


@dataclass(frozen=True, slots=True)
class Proposal:
    """A merge request into main of a repository, by one of the people."""

    author: str
    repository: str
    branch: str
    title: str
    body: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the change does, in a sentence, and what to look at next, in this order."""

    says: str
    looks: tuple[Look, ...]
    proposal: Proposal | None = None
    failing: Failing | None = None


class Change(Protocol):
    """One ready-made change."""

    @property
    def name(self) -> str:
        """How it is called on the command line; its file has the same name."""

    @property
    def summary(self) -> str:
        """What it does, in a few words without a full stop."""

    def outcome(self, scene: Scene) -> Outcome:
        """What it does in this scene.

        Raises:
            NotNowError: it would change nothing.
        """
