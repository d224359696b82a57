"""The effective commands of people for one rollout, or for all rollouts of a tenant or cluster.

`bot.commandlog` reads them from signed records on the forge; part of the Snapshot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Holds a wave, a cluster, or (with an empty target) the whole rollout."""

    target: str
    by: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class GateOverride:
    """Opens all gates of one kind (such as `freeze`), or one declared gate, for a wave.

    An empty `wave` means all.
    """

    gate: str
    wave: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Ends the rollout of an app revision; merged changes stay."""

    revision: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Pauses every rollout of `tenant/<name>`, or on `cluster/<name>`."""

    target: str
    by: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class CommandApproval:
    """An approval of a wave by command; `digest` identifies the approved content.

    `account` is the approver's account (see `planners.model.account_id`), `by` its login then.
    """

    digest: str
    by: str
    account: str


@dataclass(frozen=True, slots=True)
class Overrides:
    """The commands in effect for one rollout.

    `skipped` maps clusters that no gate waits for to the user and reason. `reverted` is the app
    revision to roll back, to the revision `restored` (empty: to what ran before it). `pauses` holds
    the pauses of all tenants. `approvals` are by wave, oldest first, including approvals of earlier
    content. `gate_retries` counts how often a declared gate was to be asked anew.
    """

    holds: tuple[Hold, ...] = ()
    gate_overrides: tuple[GateOverride, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    reverted: str = ""
    restored: str = ""
    cancelled: Cancellation | None = None
    pauses: tuple[Pause, ...] = ()
    approvals: Mapping[str, tuple[CommandApproval, ...]] = field(default_factory=dict)
    gate_retries: Mapping[str, int] = field(default_factory=dict)

    def reverts(self, revision: str) -> bool:
        """Whether a command asks to roll that revision back."""
        return self.reverted == revision

    def approvers(self, wave: str, digest: str) -> frozenset[str]:
        """The accounts that approved this content of a wave by command."""
        every = self.approvals.get(wave, ())
        return frozenset(each.account for each in every if each.digest == digest)

    def stale_approvers(self, wave: str, digest: str) -> frozenset[str]:
        """The accounts whose newest approval of a wave by command was for other content."""
        newest = {each.account: each.digest for each in self.approvals.get(wave, ())}
        return frozenset(each for each, approved in newest.items() if approved != digest)

    @property
    def plan_inputs(self) -> tuple[str, str, Cancellation | None]:
        """The commands that change the plan; all others only open or close gates."""
        return self.reverted, self.restored, self.cancelled
