"""How fast a forge may be written to: a budget of writes for one account, kept by the clock."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.clock import Clock

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(slots=True)
class Budget:
    """Writes within any minute and any hour; what is over it is not sent now."""

    clock: Clock
    per_minute: int
    per_hour: int
    _written: deque[datetime] = field(default_factory=deque)

    def spend(self) -> datetime | None:
        """Count one write; or when one will be allowed again, if it would be too many now."""
        now = self.clock()
        while self._written and self._written[0] <= now - HOUR:
            self._written.popleft()
        recent = [at for at in self._written if at > now - MINUTE]
        if len(self._written) >= self.per_hour:
            return self._written[0] + HOUR
        if len(recent) >= self.per_minute:
            return recent[0] + MINUTE
        self._written.append(now)
        return None
