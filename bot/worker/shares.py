"""How many of a process's workers one tenant may occupy: all but one.

A tenant whose plans take long, or who opens many merge requests, then delays its own passes only.
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

    @classmethod
    def of(cls, workers: int) -> "Shares":
        """The shares of that many workers."""
        return cls(max(1, workers - 1))

    def is_full(self, tenant: str) -> bool:
        """Whether the tenant has to wait for one of its own passes; nobody's work never does."""
        return bool(tenant) and self._running[tenant] >= self.most

    @contextmanager
    def taken(self, tenant: str) -> Iterator[None]:
        """Count a pass while it runs."""
        self._running[tenant] += 1
        try:
            yield
        finally:
            self._running[tenant] -= 1


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
