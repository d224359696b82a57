"""What people told a rollout by commands, as the planners read it."""

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
class Override:
    """Somebody opens the gates of one kind (such as `freeze`) for a wave; empty: for all."""

    gate: str
    wave: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Steering:
    """All of it, as the record on the merge request has it.

    `skipped` maps clusters that nobody waits for any more to who said so and why. `reverted` is the
    app revision that is to be taken back.
    """

    holds: tuple[Hold, ...] = ()
    overrides: tuple[Override, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    reverted: str = ""

    def reverts(self, revision: str) -> bool:
        """Whether somebody told to take that revision back."""
        return self.reverted == revision
