"""Server-sent events: tell every open page of a rollout that it changed.

All listeners of a process share one database query per second.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

from bot.web.ui.reading import ViewReader

MAX_LISTENERS = 200
POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
STREAM_SECONDS = 300.0
RETRY = "retry: 3000\n\n"
HEARTBEAT = ": heartbeat\n\n"


@dataclass(slots=True)
class Live:
    """The listeners of this process, and the versions of the last poll."""

    reader: ViewReader
    most: int = MAX_LISTENERS
    every: float = POLL_SECONDS
    lasts: float = STREAM_SECONDS
    listeners: int = 0
    _versions: dict[str, str] = field(default_factory=dict)
    _polled_at: float = float("-inf")
    _polling: asyncio.Lock = field(default_factory=asyncio.Lock)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def full(self) -> bool:
        """Whether the limit of listeners is reached."""
        return self.listeners >= self.most

    def end(self) -> None:
        """End all streams, because the server shuts down and waits for them."""
        self._ended.set()

    async def events(self, application: str, seen: str) -> AsyncIterator[str]:
        """An event whenever the page's version differs from the one `seen`, until the client goes.

        The stream ends after five minutes: the browser opens it again, and its permission is
        checked again.
        """
        self.listeners += 1
        try:
            yield RETRY
            started = sent = _now()
            while _now() - started < self.lasts and not self._ended.is_set():
                version = (await self._poll()).get(application, "")
                if version != seen:
                    seen, sent = version, _now()
                    yield f"id: {version}\nevent: change\ndata: {version}\n\n"
                elif _now() - sent >= HEARTBEAT_SECONDS:
                    sent = _now()
                    yield HEARTBEAT
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.every):
                        await self._ended.wait()
        finally:
            self.listeners -= 1

    async def _poll(self) -> dict[str, str]:
        async with self._polling:
            if _now() - self._polled_at >= self.every:
                self._versions = await asyncio.to_thread(self.reader.versions)
                self._polled_at = _now()
            return self._versions


def _now() -> float:
    return asyncio.get_running_loop().time()
