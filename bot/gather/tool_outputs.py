"""Keeps the outputs of tools by their inputs, so that a pass runs no tool for what it knows."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from renderers.builds import Build


class ToolOutputs:
    """The outputs of builds of files, which a digest names; what was not used for long makes room.

    At most `most` bytes are kept.
    """

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._kept: OrderedDict[tuple[Build, str], bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, build: Build, digest: str, run: Callable[[], bytes]) -> bytes:
        """The output of a build, by `run` if it is not kept."""
        key = (build, digest)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        output = run()
        with self._lock:
            self._size += len(output) - len(self._kept.pop(key, b""))
            self._kept[key] = output
            while self._size > self._most:
                _, dropped = self._kept.popitem(last=False)
                self._size -= len(dropped)
        return output
