"""Effects: all that may be done to the world, as data. Decided here, performed by `bot/effects`.

Each names what it is about by a key that the forge enforces (branch, head commit), so that doing
one twice changes nothing. They hold facts, no sentences: words are the business of `bot/wording`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from planners.gating.change_sets import ChangeSet
from planners.model import MergeMethod
from planners.model.gates import Gate


@dataclass(frozen=True, slots=True)
class PushBranch:
    """Let the branch hold one commit on `base` that makes the change; it must be at `expected`."""

    branch: str
    change: ChangeSet
    base: str
    expected: str | None


@dataclass(frozen=True, slots=True)
class OpenMergeRequest:
    """Open the merge request of a branch."""

    branch: str
    change: ChangeSet


@dataclass(frozen=True, slots=True)
class UpdateMergeRequest:
    """Let title and body speak of this change."""

    number: int
    change: ChangeSet


@dataclass(frozen=True, slots=True)
class CloseMergeRequest:
    """Close one whose change is merged, or wanted no longer."""

    number: int
    branch: str


@dataclass(frozen=True, slots=True)
class SetOrderStatus:
    """The status `switchyard/order` of a head commit: success when no gate is closed."""

    number: int
    head: str
    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """Merge, if the head is still `head`; without a method, as the repository has it."""

    number: int
    head: str
    change: ChangeSet
    method: MergeMethod | None = None


@dataclass(frozen=True, slots=True)
class RequeueAt:
    """Make another pass at that time."""

    at: datetime


Effect: TypeAlias = (
    PushBranch
    | OpenMergeRequest
    | UpdateMergeRequest
    | CloseMergeRequest
    | SetOrderStatus
    | Merge
    | RequeueAt
)
