"""Reads the status documents that clusters leave as objects in a bucket.

The key of an object says which cluster it is said to be of, its metadata carries the signature, so
that both are replaced at once. Whoever may write to the bucket can delete what others say, and can
say nothing in their name. Nobody can keep others from being read: objects that are no documents are
skipped, one that cannot be read holds up no other, and a reading that ends early goes on from there
the next time.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.buckets import Bucket, BucketError, BucketUnavailableError, ObjectEntry, ObjectMissingError
from bot.context import Context
from bot.documents.cluster_status import BUCKET_PREFIX, BUCKET_SUFFIX, SIGNATURE_NAME
from bot.effects.wake import wake
from bot.report.model import REPORTERS
from bot.store.keys import application_key
from bot.web.cluster_status import SignedStatus
from bot.worker.status_documents import BUCKET_SOURCE, refused, show_fault, take_in
from plugins import MAX_BODY_BYTES

MOST_PAGES = 10
MOST_DOCUMENTS = 1000
AT_ONCE = 8
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=10)
_KEY = re.compile(f"{BUCKET_PREFIX}([a-z0-9.-]+){re.escape(BUCKET_SUFFIX)}")


@dataclass(slots=True)
class StatusBucket:
    """The bucket of this service, and what was read of it; losing that costs one more reading."""

    context: Context
    bucket: Bucket
    report_keys: tuple[str, ...]
    _versions: dict[str, str] = field(default_factory=dict)
    _after: str = ""
    _failures: int = 0
    _next: datetime | None = None
    _unreadable: dict[str, str] = field(default_factory=dict)

    async def read(self) -> None:
        """Take in the documents that were written since the last time.

        Where the bucket cannot be read, the reason is shown, and the pause grows.
        """
        if self._next is not None and self.context.clock() < self._next:
            return
        news: set[str] = set()
        fault = ""
        try:
            await self._read(news)
            self._failures, self._next = 0, None
        except BucketError as error:
            self._next = self.context.clock() + self._pause(error)
            fault = f"{error}; next attempt at {self._next:%Y-%m-%d %H:%M} UTC"
        await wake(self.context, map(application_key, news))
        await show_fault(self.context, BUCKET_SOURCE, self._told(fault))

    def _pause(self, error: BucketError) -> timedelta:
        self._failures += 1
        pause = min(FIRST_PAUSE * (1 << min(self._failures - 1, 8)), LONGEST_PAUSE)
        asked = error.retry_after if isinstance(error, BucketUnavailableError) else None
        return max(pause, asked or pause)

    def _told(self, fault: str) -> str:
        """What to show: why nothing can be read, or one of the objects that cannot be."""
        reason = fault or next(iter(self._unreadable.values()), "")
        if not reason:
            return ""
        more = len(self._unreadable) - 1
        others = f" (and {more} more)" if not fault and more > 0 else ""
        return f"Status documents in the bucket {self.bucket.name} cannot be read: {reason}{others}"

    async def _read(self, news: set[str]) -> None:
        """Read on from where the last reading ended; `news` are applications to wake."""
        clusters, taken = await self._clusters(), 0
        if not self._after:
            self._unreadable.clear()
        for _ in range(MOST_PAGES):
            page = await self.bucket.list(BUCKET_PREFIX, self._after)
            changed = [each for each in page.entries if self._is_wanted(each, clusters)]
            for group in _groups(changed[: MOST_DOCUMENTS - taken], AT_ONCE):
                await self._take_in(group, news)
            taken += len(changed)
            if taken > MOST_DOCUMENTS:
                return
            self._after = "" if page.is_last else page.entries[-1].key
            if page.is_last:
                return

    async def _clusters(self) -> frozenset[str]:
        """The clusters of the fleet repo; what is known of others is forgotten."""
        views = self.context.store.views
        reporters = await asyncio.to_thread(views.load_shared, REPORTERS, "")
        clusters = frozenset(reporters.clusters if reporters is not None else ())
        self._versions = {name: at for name, at in self._versions.items() if name in clusters}
        return clusters

    def _is_wanted(self, entry: ObjectEntry, clusters: frozenset[str]) -> bool:
        cluster = _cluster_of(entry)
        return cluster in clusters and self._versions.get(cluster) != entry.version

    async def _take_in(self, group: Sequence[ObjectEntry], news: set[str]) -> None:
        """Read some objects at once, then record them one after the other."""
        found = await asyncio.gather(*(self._fetch(each) for each in group), return_exceptions=True)
        for entry, signed in zip(group, found, strict=True):
            cluster = _cluster_of(entry)
            if isinstance(signed, BucketUnavailableError):
                # The next reading begins behind it, so that it holds up no other.
                self._after = entry.key
                raise signed
            if isinstance(signed, BucketError):
                if not isinstance(signed, ObjectMissingError):
                    self._unreadable[cluster] = str(signed)
                continue
            if isinstance(signed, BaseException):
                raise signed
            if signed is not None:
                news |= await take_in(self.context, self.report_keys, signed)
            self._versions[cluster] = entry.version

    async def _fetch(self, entry: ObjectEntry) -> SignedStatus | None:
        cluster = _cluster_of(entry)
        if entry.size > MAX_BODY_BYTES:
            refused(cluster, f"{entry.key} has more than {MAX_BODY_BYTES} bytes")
            return None
        stored = await self.bucket.read(entry.key, MAX_BODY_BYTES)
        return SignedStatus(cluster, stored.body, stored.metadata.get(SIGNATURE_NAME, ""))


def _cluster_of(entry: ObjectEntry) -> str:
    """The cluster that an object is said to be of; empty where it is no document."""
    match = _KEY.fullmatch(entry.key)
    return match[1] if match else ""


def _groups(entries: Sequence[ObjectEntry], size: int) -> Iterable[Sequence[ObjectEntry]]:
    return (entries[start : start + size] for start in range(0, len(entries), size))
