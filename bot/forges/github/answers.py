"""Answers of GitHub that are asked for again with their ETag.

An answer of 304 does not count against the primary rate limit (GitHub Docs, "Best practices for
using the REST API"), so that what an idle application costs depends on how many are kept.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

import httpx

MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A response as received."""

    status: int
    headers: httpx.Headers
    body: bytes


@dataclass(slots=True)
class Answers:
    """Answers by URL; those that were not asked for longest go when there are too many bytes."""

    most: int = MOST_BYTES
    _kept: OrderedDict[str, tuple[str, RawResponse]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def get(self, url: str) -> tuple[str, RawResponse] | None:
        """The ETag of a URL's last answer, and the answer."""
        if url in self._kept:
            self._kept.move_to_end(url)
        return self._kept.get(url)

    def keep(self, url: str, etag: str, answer: RawResponse) -> None:
        """Keep an answer in place of the one before it."""
        self._drop(url)
        self._kept[url] = (etag, answer)
        self._bytes += _size(answer)
        while self._bytes > self.most:
            self._drop(next(iter(self._kept)))

    def _drop(self, url: str) -> None:
        _, answer = self._kept.pop(url, ("", None))
        if answer is not None:
            self._bytes -= _size(answer)


def _size(answer: RawResponse) -> int:
    """The body and its headers, about."""
    return len(answer.body) + sum(len(name) + len(value) for name, value in answer.headers.raw)
