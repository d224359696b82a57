"""Effects: changes to the forge and to the queue, as data; performed by `bot.effects`.

Each effect is idempotent, because it carries a key that the forge enforces (branch, head commit).
Effects hold facts; `bot.wording` writes the texts.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from planners.gating.change_sets import ChangeSet
from planners.model import MergeMethod
from planners.model.gate_rules import GateAction, GateRule
from planners.model.gates import Gate


@dataclass(frozen=True, slots=True)
class PushBranch:
    """Set the branch, now at `expected` (None: absent), to one commit on `base` with the change."""

    branch: str
    change: ChangeSet
    base: str
    expected: str | None


@dataclass(frozen=True, slots=True)
class OpenMergeRequest:
    """Open a merge request for the branch."""

    branch: str
    change: ChangeSet


@dataclass(frozen=True, slots=True)
class UpdateMergeRequest:
    """Update title and description to this change."""

    number: int
    change: ChangeSet


@dataclass(frozen=True, slots=True)
class CloseMergeRequest:
    """Close a merge request whose change is merged or obsolete."""

    number: int
    branch: str


@dataclass(frozen=True, slots=True)
class SetOrderStatus:
    """Set the status `switchyard/order` of a commit: success if no gate is closed."""

    number: int
    head: str
    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """Merge if the head is still `head`; with `method` None, by the repository's default."""

    number: int
    head: str
    change: ChangeSet
    method: MergeMethod | None = None


@dataclass(frozen=True, slots=True)
class RequeueAt:
    """Run another pass at that time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class GateSubject:
    """What a gate is asked about: one content of a wave.

    `commit` is the head of its merge request `number`, or after the merge the commit on the default
    branch.
    """

    wave: str
    digest: str
    actions: tuple[GateAction, ...]
    clusters: tuple[str, ...]
    number: int
    commit: str


@dataclass(frozen=True, slots=True)
class AskGate:
    """Ask a declared gate, or ask it again; `id` names this question for good."""

    id: str
    rule: GateRule
    subject: GateSubject


Effect: TypeAlias = (
    PushBranch
    | OpenMergeRequest
    | UpdateMergeRequest
    | CloseMergeRequest
    | SetOrderStatus
    | Merge
    | AskGate
    | RequeueAt
)
