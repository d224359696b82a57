"""A cache of a repository's merge requests, so that a client lists only what changed."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.forges._values import ChangedRequest, ForgeMergeRequest, last_first

OVERLAP = timedelta(minutes=5)
FULL_LISTING = timedelta(hours=1)
MERGED = "merged"


@dataclass(frozen=True, slots=True)
class CachedRequest:
    """A merge request, and when it last changed."""

    changed: datetime
    request: ForgeMergeRequest


@dataclass(slots=True)
class MergeRequestCache:
    """Merge requests by number.

    Listings may lag and clocks may differ: successive listings overlap by a few minutes, and every
    hour everything is listed. The text of merged ones is not kept.
    """

    requests: dict[int, CachedRequest] = field(default_factory=dict)
    _last_full: datetime | None = None

    def changed_since(self, now: datetime) -> datetime | None:
        """The time since when changes must be listed; None: list everything (assumed done)."""
        if self._last_full is None or now - self._last_full >= FULL_LISTING:
            self._last_full = now
            return None
        newest = max((each.changed for each in self.requests.values()), default=now)
        return min(newest, now) - OVERLAP

    def update(self, changed: datetime, request: ForgeMergeRequest) -> None:
        """Store a listed merge request, unless a newer state is known."""
        known = self.requests.get(request.number)
        if known is None or known.changed <= changed:
            kept = replace(request, body="") if request.state == MERGED else request
            self.requests[request.number] = CachedRequest(changed, kept)

    def invalidate(self) -> None:
        """List everything next time, because a listing failed."""
        self._last_full = None

    def changed(self, since: datetime) -> tuple[ChangedRequest, ...]:
        """Those that changed since then, the last one first."""
        found = [
            ChangedRequest(number, each.changed, each.request.head)
            for number, each in self.requests.items()
            if each.changed >= since
        ]
        return last_first(found)

    def newest_first(self) -> list[ForgeMergeRequest]:
        """All merge requests."""
        return [self.requests[number].request for number in sorted(self.requests, reverse=True)]
