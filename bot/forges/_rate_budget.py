"""Limits on requests to a forge: its own in headers, and one for the writes of an account."""

import re
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from bot.clock import Clock

_SECONDS = re.compile(r"[0-9]{1,10}")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def whole_seconds(header: str | None) -> int | None:
    """A number of seconds in a header, in up to ten ASCII digits; None if it holds anything else.

    A longer one, or digits of another script, would be no time.
    """
    return int(header) if header is not None and _SECONDS.fullmatch(header) else None


class Urgency(Enum):
    """The priority of a write: the share of the budget above which it is delayed.

    Near a limit, comments are delayed first and merges last.
    """

    MERGE = 1.0
    MERGE_REQUEST = 0.95
    STATUS = 0.9
    REACTION = 0.8
    COMMENT = 0.7


@dataclass(slots=True)
class RateBudget:
    """Limits the writes within any minute and any hour."""

    clock: Clock
    per_minute: int
    per_hour: int
    _written: deque[datetime] = field(default_factory=deque)

    def spend(self, urgency: Urgency) -> datetime | None:
        """Count a write; if it would exceed the budget, return when it will be allowed."""
        now = self.clock()
        while self._written and self._written[0] <= now - HOUR:
            self._written.popleft()
        recent = [at for at in self._written if at > now - MINUTE]
        for written, limit, span in (
            (self._written, self.per_hour, HOUR),
            (recent, self.per_minute, MINUTE),
        ):
            allowed = max(int(limit * urgency.value), 1)
            if len(written) >= allowed:
                return written[len(written) - allowed] + span
        self._written.append(now)
        return None
