"""Server-sent events: tell whoever has a rollout's page open that it changed.

One look at the database serves all listeners for a second, so that their number costs nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from bot.web.ui.reading import Reader

MOST_LISTENERS = 200
LOOK_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
LASTS_SECONDS = 300.0
RETRY = "retry: 3000\n\n"
HEARTBEAT = ": still here\n\n"


@dataclass(slots=True)
class Live:
    """The listeners of this process, and what was seen last."""

    reader: Reader
    most: int = MOST_LISTENERS
    every: float = LOOK_SECONDS
    lasts: float = LASTS_SECONDS
    listeners: int = 0
    _marks: dict[str, str] = field(default_factory=dict)
    _looked: float = float("-inf")
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def full(self) -> bool:
        """Whether there are as many listeners as are served."""
        return self.listeners >= self.most

    async def events(self, application: str, seen: str) -> AsyncIterator[str]:
        """An event whenever the page changes from what was `seen`; until the client goes.

        After five minutes it ends: the browser comes again, and whether it may is asked again.
        """
        self.listeners += 1
        try:
            yield RETRY
            begun = spoken = _now()
            while _now() - begun < self.lasts:
                told = (await self._look()).get(application, "")
                if told != seen:
                    seen, spoken = told, _now()
                    yield f"id: {told}\nevent: change\ndata: {told}\n\n"
                elif _now() - spoken >= HEARTBEAT_SECONDS:
                    spoken = _now()
                    yield HEARTBEAT
                await asyncio.sleep(self.every)
        finally:
            self.listeners -= 1

    async def _look(self) -> dict[str, str]:
        async with self._looking:
            if _now() - self._looked >= self.every:
                self._marks = await asyncio.to_thread(self.reader.marks)
                self._looked = _now()
            return self._marks


def _now() -> float:
    return asyncio.get_running_loop().time()
