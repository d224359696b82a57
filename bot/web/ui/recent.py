"""A cache of rendered pages: everybody who follows a rollout asks for the same page at once."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A page, and when it was rendered by the monotonic clock."""

    at: float
    text: str


@dataclass(slots=True)
class Recent:
    """Pages by what they were rendered from, kept for two seconds; one is rendered at a time."""

    _pages: dict[Hashable, RenderedPage] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def page(self, key: Hashable, render: Callable[[], str]) -> str:
        """The page of that key, rendered now if nobody has just asked for it."""
        with self._lock:
            now = time.monotonic()
            self._pages = {
                each: page for each, page in self._pages.items() if now - page.at < SECONDS
            }
            if key not in self._pages:
                self._pages[key] = RenderedPage(now, render())
            return self._pages[key].text
