"""Token buckets that keep requests within the limits of Azure Resource Manager.

Source: Azure documentation, "Understand how Azure Resource Manager throttles requests": a token
bucket for each subscription, service principal and kind of operation, in each region. Reads have
250 tokens and regain 25 per second; writes and deletes have 200 each and regain 10.

Which region answers is not known, so that one bucket per subscription counts for all regions.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from bot.clock import Clock


class Operation(Enum):
    """A kind of request that Azure counts apart."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"

    @property
    def size(self) -> int:
        """How many requests may come at once."""
        return 250 if self is Operation.READ else 200

    @property
    def per_second(self) -> int:
        """How many more each second."""
        return 25 if self is Operation.READ else 10


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: datetime


@dataclass(slots=True)
class RequestBudget:
    """The buckets of all subscriptions, as full as Azure has them if nobody else uses them."""

    clock: Clock
    _buckets: dict[tuple[str, Operation], _Bucket] = field(default_factory=dict)

    def spend(self, subscription: str, operation: Operation) -> timedelta | None:
        """Count a request; if there is no token, return how long until there is one."""
        now = self.clock()
        bucket = self._buckets.setdefault(
            (subscription.lower(), operation), _Bucket(operation.size, now)
        )
        regained = max((now - bucket.at).total_seconds(), 0.0) * operation.per_second
        bucket.tokens, bucket.at = min(bucket.tokens + regained, operation.size), now
        if bucket.tokens < 1:
            return timedelta(seconds=(1 - bucket.tokens) / operation.per_second)
        bucket.tokens -= 1
        return None

    def drain(self, subscription: str, operation: Operation, pause: timedelta) -> None:
        """Azure says that its bucket is empty, and will be for so long."""
        owed = pause.total_seconds() * operation.per_second
        self._buckets[subscription.lower(), operation] = _Bucket(1 - owed, self.clock())
