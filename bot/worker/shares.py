"""How many of a process's workers one tenant may occupy: all but one.

A tenant whose plans take long, or who opens many merge requests, then delays its own passes only.
While all workers but one are busy with merge requests, rollouts are preferred: a burst of webhooks
delays no wave.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.report.model import TENANTS
from bot.store.keys import APPLICATION, REVIEW
from bot.store.views import Views


@dataclass(slots=True)
class Shares:
    """The passes that run now, by tenant; `most` is the limit for one of them."""

    most: int
    _running: Counter[str] = field(default_factory=Counter)
    _reviews: int = 0

    @classmethod
    def of(cls, workers: int) -> "Shares":
        """The shares of that many workers."""
        return cls(max(1, workers - 1))

    def is_full(self, tenant: str) -> bool:
        """Whether the tenant has to wait for one of its own passes; nobody's work never does."""
        return bool(tenant) and self._running[tenant] >= self.most

    @property
    def preferred(self) -> str:
        """How the keys begin that are to be claimed first; empty if all are alike."""
        return f"{APPLICATION}/" if self._reviews >= self.most else ""

    @contextmanager
    def taken(self, tenant: str, key: str) -> Iterator[None]:
        """Count a pass while it runs."""
        review = key.startswith(f"{REVIEW}/")
        self._running[tenant] += 1
        self._reviews += review
        try:
            yield
        finally:
            self._running[tenant] -= 1
            self._reviews -= review


async def tenant_of(views: Views, key: str) -> str:
    """The tenant whose work a key is; empty if it is unknown, or that of several tenants."""
    found = await asyncio.to_thread(views.load_shared, TENANTS, "")
    if found is None:
        return ""
    kind, _, rest = key.partition("/")
    match kind:
        case _ if kind == APPLICATION:
            return found.applications.get(rest, "")
        case _ if kind == REVIEW:
            return found.repositories.get(rest.rpartition("!")[0], "")
        case _:
            return ""
