"""How fast a forge may be written to: a budget of writes for one account, kept by the clock."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from bot.clock import Clock

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Urgency(Enum):
    """How much of the budget may be spent before a write of this kind waits: the rest is kept.

    Near a limit texts wait first, then what orders merge requests, and merging last.
    """

    MERGE = 1.0
    PROPOSAL = 0.95
    STATUS = 0.9
    REPLY = 0.8
    TEXT = 0.7


@dataclass(slots=True)
class RateBudget:
    """Writes within any minute and any hour; what is over it is not sent now."""

    clock: Clock
    per_minute: int
    per_hour: int
    _written: deque[datetime] = field(default_factory=deque)

    def spend(self, urgency: Urgency) -> datetime | None:
        """Count one write; or when one will be allowed again, if it would be too many now."""
        now = self.clock()
        while self._written and self._written[0] <= now - HOUR:
            self._written.popleft()
        recent = [at for at in self._written if at > now - MINUTE]
        for written, most, span in (
            (self._written, self.per_hour, HOUR),
            (recent, self.per_minute, MINUTE),
        ):
            allowed = max(int(most * urgency.value), 1)
            if len(written) >= allowed:
                return written[len(written) - allowed] + span
        self._written.append(now)
        return None
