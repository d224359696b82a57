"""Pages made a moment ago: whoever follows the same rollout live asks for the same page at once."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

SECONDS = 2.0

Made = dict[Hashable, tuple[float, str]]


@dataclass(slots=True)
class Recent:
    """Pages by what they were made from; one is made at a time, and shared for two seconds."""

    _made: Made = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def page(self, key: Hashable, make: Callable[[], str]) -> str:
        """The page of that key, made now where nobody has just asked for it."""
        with self._turn:
            now = time.monotonic()
            self._made = {
                each: made for each, made in self._made.items() if now - made[0] < SECONDS
            }
            if key not in self._made:
                self._made[key] = (now, make())
            return self._made[key][1]
