"""Gates: each is one reason to wait, with its evidence; `bot/wording` puts them into words.

The same gates make the commit status, the comment, the page and `why`: there is one list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from planners.model import On, Role, Unit, When


class NotReadyReason(StrEnum):
    """What a unit that others wait for still lacks."""

    MERGE = "merge"
    REPORT = "report"
    FRESH_REPORT = "fresh report"
    PROGRESS = "progress"
    REPAIR = "repair"
    SOAK = "soak"
    ABSENT = "absent"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class Pending:
    """One unit that is not yet what somebody waits for.

    `message` is the cluster's own, or names the wave that brings the unit. `until` is the next
    moment at which time alone changes something: the end of a soak, or a deadline. `overdue` says
    that the deadline has passed.
    """

    unit: Unit
    reason: NotReadyReason
    message: str = ""
    until: datetime | None = None
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class AwaitsDependency:
    """`component` waits for `dependency`; `pending` are the clusters where it is not `when` yet.

    For a quorum `needed` of all targets are enough, and `reached` is how many there are.
    """

    component: str
    dependency: str
    when: When
    on: On
    pending: tuple[Pending, ...]
    needed: int
    reached: int


@dataclass(frozen=True, slots=True)
class AwaitsStep:
    """An earlier stage or batch is not ready on all its clusters."""

    step: str
    pending: tuple[Pending, ...]


@dataclass(frozen=True, slots=True)
class AwaitsReplacement:
    """A removal waits until everything that should run is ready (make before break)."""

    pending: tuple[Pending, ...]


@dataclass(frozen=True, slots=True)
class AwaitsApproval:
    """Approvals of the merge request as it stands are missing; `reason` is the rule's selector.

    `excluded` approved it too, but wrote or merged the revision; `without_role` did, and have less
    than `role` in the deploy repo; `lapsed` approved what it was before it changed. `users` and
    teams, if any, are the only ones whose approvals count.
    """

    needed: int
    given: tuple[str, ...]
    excluded: tuple[str, ...]
    reason: str
    author_may_approve: bool
    users: tuple[str, ...] = ()
    without_role: tuple[str, ...] = ()
    role: Role = Role.WRITE
    lapsed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Frozen:
    """A freeze of the platform team covers a cluster of the wave."""

    name: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class OutsideWindow:
    """Some clusters of the wave may not be changed at this hour.

    `until` is when all of the wave's may be; None when their windows never meet.
    """

    clusters: tuple[str, ...]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody put the hold label on the merge request."""

    label: str


@dataclass(frozen=True, slots=True)
class HeldBy:
    """Somebody holds the wave, a cluster of it, or the whole rollout by a command."""

    by: str
    reason: str
    target: str


@dataclass(frozen=True, slots=True)
class Paused:
    """Somebody pauses every rollout of a tenant, or on a cluster of the wave."""

    by: str
    reason: str
    target: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody gave up the rollout of this revision by a command."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ForeignCommit:
    """The branch has a commit that Switchyard did not write."""

    author: str
    head: str


@dataclass(frozen=True, slots=True)
class ClosedByPerson:
    """A person closed the merge request of this very change."""

    user: str
    number: int


@dataclass(frozen=True, slots=True)
class OpenedByPerson:
    """A person opened a merge request of the wave's branch, before Switchyard did."""

    user: str
    number: int


@dataclass(frozen=True, slots=True)
class Conflicts:
    """The forge cannot merge the branch into main as both stand."""


@dataclass(frozen=True, slots=True)
class NotMerged:
    """Everything waited for is ready; the forge has its own rules, or a merge queue.

    `times` is how often it was tried again.
    """

    reason: str
    until: datetime
    times: int = 0


@dataclass(frozen=True, slots=True)
class NotProposed:
    """The merge request is not open yet, or does not show this change yet."""


Gate: TypeAlias = (
    AwaitsDependency
    | AwaitsStep
    | AwaitsReplacement
    | AwaitsApproval
    | Frozen
    | OutsideWindow
    | Held
    | HeldBy
    | Paused
    | Cancelled
    | ForeignCommit
    | ClosedByPerson
    | OpenedByPerson
    | Conflicts
    | NotMerged
    | NotProposed
)


OVERRIDABLE: Mapping[str, tuple[type[Gate], ...]] = {
    "approval": (AwaitsApproval,),
    "dependency": (AwaitsDependency,),
    "freeze": (Frozen,),
    "step": (AwaitsStep,),
    "window": (OutsideWindow,),
}
"""What people may open by a command, by the name that they call it."""


def next_look(gate: Gate) -> datetime | None:
    """When time alone may open the gate, or turn it overdue."""
    match gate:
        case Frozen(until=until) | OutsideWindow(until=until) | NotMerged(until=until):
            return until
        case AwaitsDependency(pending=pending) | AwaitsStep(pending=pending):
            return min((each.until for each in pending if each.until), default=None)
        case AwaitsReplacement(pending=pending):
            return min((each.until for each in pending if each.until), default=None)
        case _:
            return None
