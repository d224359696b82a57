"""Follows the objects of one kind on one cluster: a list, then every change after it.

Source: Kubernetes documentation, "Kubernetes API Concepts", "Efficient detection of changes": watch
from the list's resource version, bookmarks that move it on, and 410 Gone when it is too old. The
API server ends a watch after `timeoutSeconds`; going on from the last version loses nothing.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from zlib import crc32

from bot.clusters.api import ClusterApi, Resource
from bot.clusters.connection import error_of
from bot.clusters.errors import ApiUnavailableError, ExpiredError

WATCH_SECONDS = 240
SPREAD_SECONDS = 60
GRACE_SECONDS = 30
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class Listed:
    """These objects are there now, and no others of the kind."""

    items: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """An object was created or changed."""

    item: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Removed:
    """An object is gone; as it was last."""

    item: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lost:
    """The API server cannot be followed at the moment, and why."""

    message: str


Event: TypeAlias = Listed | Changed | Removed | Lost


@dataclass(slots=True)
class Follower:
    """Follows the objects of one kind with certain labels, across errors and for ever.

    `pause` waits a number of seconds between attempts. Without `whole` only metadata is read.
    """

    api: ClusterApi
    resource: Resource
    selector: str
    pause: Callable[[float], Awaitable[None]]
    namespace: str = ""
    whole: bool = True
    _version: str = ""

    async def events(self) -> AsyncIterator[Event]:
        """Every event, until cancelled.

        Raises:
            ClusterError: the API server refuses for good, such as for want of permission.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                if not self._version:
                    listed = await self.api.list(
                        self.resource, self.selector, namespace=self.namespace, whole=self.whole
                    )
                    self._version = listed.version
                    yield Listed(listed.items)
                async for event in self._changes():
                    yield event
                pause = FIRST_PAUSE
            except ExpiredError:
                self._version = ""
            except ApiUnavailableError as error:
                yield Lost(str(error))
                asked = error.retry_after.total_seconds() if error.retry_after else pause
                await self.pause(max(pause, asked))
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _changes(self) -> AsyncIterator[Event]:
        """The events of one watch, until the server ends it."""
        seconds = WATCH_SECONDS + self._spread()
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": self.selector,
            "resourceVersion": self._version,
            "timeoutSeconds": str(seconds),
        }
        path = self.resource.path(self.namespace)
        async with self.api.connection.lines(path, query, seconds=seconds + GRACE_SECONDS) as lines:
            async for line in lines:
                event = self._event(line)
                if event is not None:
                    yield event

    def _event(self, line: Mapping[str, Any]) -> Event | None:
        item = line.get("object")
        item = item if isinstance(item, dict) else {}
        kind = line.get("type")
        if kind == "ERROR":
            raise error_of(self.api.cluster, item)
        metadata = item.get("metadata")
        version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        if isinstance(version, str) and version:
            self._version = version
        if kind in ("ADDED", "MODIFIED"):
            return Changed(self.resource.named(item))
        return Removed(self.resource.named(item)) if kind == "DELETED" else None

    def _spread(self) -> int:
        """Seconds by which the watches of clusters and kinds end apart."""
        return crc32(f"{self.api.cluster}/{self.resource.path()}".encode()) % SPREAD_SECONDS
