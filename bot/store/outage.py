"""Whether the database can be written now. One log line when it cannot, and one when it can again.

Only a write ends an outage: a full or read-only database answers reads.
"""

import threading
import time
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from bot.store.errors import StoreError

E = TypeVar("E", bound=StoreError)

log = structlog.get_logger()


@dataclass(slots=True)
class Outages:
    """The outage of one database, if there is one."""

    _since: float | None = None
    _failures: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_out(self) -> bool:
        """Whether the last failure was not followed by a probe that wrote."""
        return self._since is not None

    def begin(self, error: E) -> E:
        """Note a failure, and return it."""
        with self._lock:
            self._failures += 1
            first = self._since is None
            if first:
                self._since = time.monotonic()
        if first:
            log.error("database not available", reason=str(error))
        return error

    def end(self) -> bool:
        """Note that a write succeeded; whether that ended an outage."""
        with self._lock:
            since, failures = self._since, self._failures
            self._since, self._failures = None, 0
        if since is None:
            return False
        seconds = round(time.monotonic() - since, 1)
        log.warning("database available again", seconds=seconds, failures=failures)
        return True
