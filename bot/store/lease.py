"""Leases: a name that one holder has at a time, until it gives it back or the time is over.

`bot/worker/admission.py` holds one while it lets a wave through.
"""

import secrets
from datetime import datetime, timedelta

from bot.store.database import seconds
from bot.store.keys import LEASES
from bot.store.views import Views

FREE = {"holder": "", "token": "", "until": 0.0}


class Leases:
    """Named leases, as values that are compared and swapped."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def acquire(self, name: str, holder: str, length: timedelta, now: datetime) -> str | None:
        """Take a lease that no other holder has; its token, or None.

        A holder that died in the middle takes its own lease over when it comes back. A lease that
        ends later than a new one would was made by a clock that was wrong, and counts as over.
        """
        held = self._views.get(LEASES + name)
        until = seconds(now + length)
        if held is not None and held["holder"] != holder and seconds(now) < held["until"] <= until:
            return None
        token = secrets.token_hex(16)
        mine = {"holder": holder, "token": token, "until": until}
        return token if self._views.swap(LEASES + name, held, mine) else None

    def give_up(self, name: str, holder: str) -> None:
        """Give back what a holder still has from a process that died."""
        held = self._views.get(LEASES + name)
        if held is not None and held["holder"] == holder:
            self._views.swap(LEASES + name, held, FREE)

    def release(self, name: str, token: str) -> None:
        """Give it back, unless another holder has it by now."""
        held = self._views.get(LEASES + name)
        if held is not None and held["token"] == token:
            self._views.swap(LEASES + name, held, FREE)
