"""What a client knows of a repository's merge requests, so that it lists only what changed."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.forges._values import ForgeMergeRequest

MARGIN = timedelta(minutes=5)
WHOLE = timedelta(hours=1)
MERGED = "merged"


@dataclass(slots=True)
class MergeRequestCache:
    """Merge requests by number, each with when it last changed.

    Lists may lag behind and clocks may differ: each time a few minutes are asked for again, and
    every hour everything. Of merged ones the text is not kept.
    """

    requests: dict[int, tuple[datetime, ForgeMergeRequest]] = field(default_factory=dict)
    _whole: datetime | None = None

    def since(self, now: datetime) -> datetime | None:
        """What changed later is to be listed; None: everything, which it counts as done."""
        if self._whole is None or now - self._whole >= WHOLE:
            self._whole = now
            return None
        newest = max((changed for changed, _ in self.requests.values()), default=now)
        return min(newest, now) - MARGIN

    def take(self, changed: datetime, request: ForgeMergeRequest) -> None:
        """Take in what was listed, unless something newer is known."""
        known = self.requests.get(request.number)
        if known is None or known[0] <= changed:
            kept = replace(request, body="") if request.state == MERGED else request
            self.requests[request.number] = (changed, kept)

    def forget(self) -> None:
        """List everything next time: a listing broke off."""
        self._whole = None

    def newest_first(self) -> list[ForgeMergeRequest]:
        """All of them."""
        return [self.requests[number][1] for number in sorted(self.requests, reverse=True)]
