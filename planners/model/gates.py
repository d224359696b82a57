"""Gates: each is one reason why a wave must wait, with its evidence.

One list of gates feeds the commit status, the plan comment, the pages and `why`; `bot.wording`
renders them as text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from planners.model import DependencyCondition, DependencyScope, Role, UnattributedCommit, Unit
from planners.model.addresses import AwaitedAddress
from planners.model.gate_rules import GatePhase, GateState, OnTimeout


class NotReadyReason(StrEnum):
    """Why a unit that others wait for is not ready."""

    MERGE = "merge"
    REPORT = "report"
    FRESH_REPORT = "fresh report"
    OFFLINE = "offline"
    PROGRESS = "progress"
    REPAIR = "repair"
    SOAK = "soak"
    ABSENT = "absent"
    PRESENT = "present"


class PendingUnit(NamedTuple):
    """One unit that has not reached the state others wait for.

    `message` is the cluster's report, or the name of the wave that will merge the unit. `until` is
    the next time at which the result changes without a new report: the end of a soak, or a
    deadline. `overdue`: the deadline has passed. A tuple, because a fleet has many of them.
    """

    unit: Unit
    reason: NotReadyReason
    message: str = ""
    until: datetime | None = None
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class AwaitsDependency:
    """`component` waits for `dependency`, whose `pending` units have not reached `when`.

    `needed` is the number of units required, `reached` the number that satisfy the condition.
    """

    component: str
    dependency: str
    when: DependencyCondition
    on: DependencyScope
    pending: tuple[PendingUnit, ...]
    needed: int
    reached: int


@dataclass(frozen=True, slots=True)
class AwaitsStep:
    """An earlier stage or batch is not ready on all of its clusters."""

    step: str
    pending: tuple[PendingUnit, ...]


@dataclass(frozen=True, slots=True)
class AwaitsReplacement:
    """A removal waits until all planned units are ready (make before break)."""

    pending: tuple[PendingUnit, ...]


@dataclass(frozen=True, slots=True)
class AwaitsAddress:
    """`units` are not changed before the addresses of what they call are reported.

    `awaited` are those addresses, each once.
    """

    units: tuple[Unit, ...]
    awaited: tuple[AwaitedAddress, ...]


@dataclass(frozen=True, slots=True)
class ApprovalReason:
    """Why approvals are required: the rule, and the selector, tenant or people it is about."""

    rule: str
    about: str | None = None

    def __str__(self) -> str:
        return self.rule if self.about is None else f"{self.rule} {self.about}"


@dataclass(frozen=True, slots=True)
class AwaitsApproval:
    """Approvals of the current head are missing; `reason` is the rule that requires them.

    Approvals that do not count: `excluded` are from authors of the revision, `without_role` from
    users below `role` in the deploy repo, `stale` were given to an earlier head. `users` lists the
    users and teams whose approvals count; empty means anybody's.
    """

    needed: int
    given: tuple[str, ...]
    excluded: tuple[str, ...]
    reason: ApprovalReason
    author_may_approve: bool
    users: tuple[str, ...] = ()
    without_role: tuple[str, ...] = ()
    role: Role = Role.WRITE
    stale: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnknownAuthors:
    """Approvals cannot be counted: these commits have contributors without a known account.

    Any approver could be one of them; see `planners.gating.approvals`. At `until` the forge is
    asked again, since it may tell of a push late.
    """

    commits: tuple[UnattributedCommit, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class UnknownOwners:
    """A policy requires the code owners' approvals, and CODEOWNERS cannot be read for `reason`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """A freeze covers a cluster of the wave."""

    name: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class OutsideWindow:
    """Some clusters of the wave are outside their maintenance windows.

    `until` is the next time at which all clusters of the wave are inside a window; None if their
    windows do not overlap.
    """

    clusters: tuple[str, ...]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class HeldByLabel:
    """The merge request has the hold label."""

    label: str


@dataclass(frozen=True, slots=True)
class HeldByCommand:
    """A `hold` command covers the wave, one of its clusters, or the whole rollout."""

    by: str
    reason: str
    target: str


@dataclass(frozen=True, slots=True)
class PausedByCommand:
    """A `pause` command covers the tenant or a cluster of the wave."""

    by: str
    reason: str
    target: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The rollout of this revision was cancelled by a command."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ForeignCommit:
    """The branch contains a commit that Switchyard did not create."""

    author: str
    head: str


@dataclass(frozen=True, slots=True)
class ClosedByPerson:
    """A person closed the merge request of this change."""

    user: str
    number: int


@dataclass(frozen=True, slots=True)
class OpenedByPerson:
    """A person opened a merge request from the wave's branch before Switchyard did."""

    user: str
    number: int


@dataclass(frozen=True, slots=True)
class Conflicts:
    """The forge reports merge conflicts with the default branch."""


@dataclass(frozen=True, slots=True)
class BehindTarget:
    """All other gates are open, but the forge merges only branches that contain main's head.

    `wave` is the wave that is merged first; None if it is this one's turn.
    """

    wave: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedByForge:
    """All other gates are open, but the forge refused to merge (its own rules, or a merge queue).

    `attempts` counts the retries so far; the next one is due at `until`.
    """

    reason: str
    until: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class NotProposed:
    """The merge request is not open yet, or it `is_open` and does not contain this change yet.

    `refusal` is why the forge refused the branch, if it did.
    """

    refusal: str = ""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class AwaitsRoom:
    """Others claimed the room that the wave needs after it was planned; it is planned again.

    `claimants` are the applications with their open merge requests: `shop !3`. None: another merge
    that requests resources is being decided, and they are decided one at a time.
    """

    claimants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AwaitsGate:
    """A declared gate of `wave` has not passed; after that wave it holds the next ones.

    `begins` says what must happen before it is asked; empty once it is. It is looked at again at
    `until`. `overdue`: it had no result in time.
    """

    name: str
    phase: GatePhase
    wave: str
    state: GateState
    on_timeout: OnTimeout
    begins: str = ""
    message: str = ""
    url: str = ""
    until: datetime | None = None
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class InvalidPlan:
    """The newest plan has a problem, so nothing of the application merges."""

    problem: str


Gate: TypeAlias = (
    AwaitsDependency
    | AwaitsStep
    | AwaitsReplacement
    | AwaitsAddress
    | AwaitsApproval
    | UnknownAuthors
    | UnknownOwners
    | Frozen
    | OutsideWindow
    | HeldByLabel
    | HeldByCommand
    | PausedByCommand
    | Cancelled
    | ForeignCommit
    | ClosedByPerson
    | OpenedByPerson
    | Conflicts
    | BehindTarget
    | RefusedByForge
    | NotProposed
    | AwaitsRoom
    | AwaitsGate
    | InvalidPlan
)


OVERRIDABLE: Mapping[str, tuple[type[Gate], ...]] = {
    "approval": (AwaitsApproval, UnknownAuthors, UnknownOwners),
    "dependency": (AwaitsDependency,),
    "freeze": (Frozen,),
    "step": (AwaitsStep,),
    "window": (OutsideWindow,),
}
"""The gates that the `override` command can open, by the name used in the command.

A declared gate is opened by its own name, which is none of these.
"""


def next_check(gate: Gate) -> datetime | None:
    """When the gate may open, or become overdue, by the passing of time alone."""
    match gate:
        case UnknownAuthors(until=until):
            return until
        case Frozen(until=until) | OutsideWindow(until=until) | RefusedByForge(until=until):
            return until
        case AwaitsGate(until=until):
            return until
        case AwaitsDependency(pending=pending) | AwaitsStep(pending=pending):
            return min((each.until for each in pending if each.until), default=None)
        case AwaitsReplacement(pending=pending):
            return min((each.until for each in pending if each.until), default=None)
        case _:
            return None
