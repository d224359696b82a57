"""What people told a rollout, or all rollouts of a tenant or cluster, by commands.

Read by the shell from signed records at the forge; part of the Snapshot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Somebody holds a wave, a cluster, or with an empty target the whole rollout."""

    target: str
    by: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class GateOverride:
    """Somebody opens the gates of one kind (such as `freeze`) for a wave; empty: for all."""

    gate: str
    wave: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Somebody gave up the rollout of an app revision; what is merged of it stays."""

    revision: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody pauses every rollout of `tenant/<name>`, or on `cluster/<name>`."""

    target: str
    by: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class CommandApproval:
    """Somebody approved a wave by command when its content had this digest.

    `email` is the approver's address as commits have it; empty if the forge does not tell.
    """

    digest: str
    by: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What is in effect of it for one rollout.

    `skipped` maps clusters that nobody waits for any more to who said so and why. `reverted` is the
    app revision that is to be taken back, in favour of what ran before it or of the revision
    `restored`. `pauses` are all that there are, of whatever tenant.
    `approvals` are by wave, oldest first, those of earlier content included.
    """

    holds: tuple[Hold, ...] = ()
    gate_overrides: tuple[GateOverride, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    reverted: str = ""
    restored: str = ""
    cancelled: Cancellation | None = None
    pauses: tuple[Pause, ...] = ()
    approvals: Mapping[str, tuple[CommandApproval, ...]] = field(default_factory=dict)

    def reverts(self, revision: str) -> bool:
        """Whether somebody told to take that revision back."""
        return self.reverted == revision

    def approvers(self, wave: str, digest: str) -> dict[str, str]:
        """Who approved this very content of a wave by command: login -> address."""
        every = self.approvals.get(wave, ())
        return {each.by: each.email for each in every if each.digest == digest}

    def lapsed_approvers(self, wave: str, digest: str) -> tuple[str, ...]:
        """Logins whose newest approval of a wave by command was of other content."""
        newest = {each.by: each.digest for each in self.approvals.get(wave, ())}
        return tuple(login for login, approved in newest.items() if approved != digest)
