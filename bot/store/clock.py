"""The time of PostgreSQL's server: one clock for all replicas, whatever their machines say.

Read every few seconds, and continued in between by a clock that nobody sets.
"""

import time
from datetime import datetime

import sqlalchemy as sa
import structlog

from bot.clock import Clock
from bot.store.database import Database, moment, seconds

ACCURATE_SECONDS = 1.0
WORTH_SAYING = 30.0

log = structlog.get_logger()


class DatabaseClock:
    """A Clock; `local` is only compared with it.

    Raises:
        StoreError: the database cannot be read.
    """

    def __init__(self, database: Database, local: Clock) -> None:
        self._database, self._local = database, local
        self._offset: float | None = None
        self._differs = False
        self.sync()

    def __call__(self) -> datetime:
        """The current time in UTC."""
        assert self._offset is not None
        return moment(self._offset + time.monotonic())

    def sync(self) -> None:
        """Read the server's time; an answer that took long says little and is not used.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.read() as connection:
            asked = time.monotonic()
            told = connection.scalar(sa.select(self._database.time), self._database.now(None))
            answered = time.monotonic()
        assert told is not None
        if self._offset is None or answered - asked < ACCURATE_SECONDS:
            self._offset = float(told) - (asked + answered) / 2
            self._compare(seconds(self()) - seconds(self._local()))

    def _compare(self, ahead: float) -> None:
        differs = abs(ahead) > WORTH_SAYING
        if differs and not self._differs:
            log.warning(
                "clocks differ: the database's clock is used; check NTP on both machines",
                database_ahead_seconds=round(ahead),
            )
        self._differs = differs
