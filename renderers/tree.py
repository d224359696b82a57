"""File trees (path -> bytes), safe paths in deploy repos, and Git blob ids."""

import hashlib
import re
from collections.abc import Mapping
from typing import TypeAlias

FileTree: TypeAlias = Mapping[str, bytes]

_SEGMENT = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
MAX_SEGMENT = 200
MAX_SEGMENTS = 50


class UnsafePathError(ValueError):
    """A path is not portable; the message names the segment."""


def safe_join(*segments: str) -> str:
    """Join segments into a path of portable names (lower-case letters, digits, `.`, `_`, `-`).

    Raises:
        UnsafePathError: a segment is empty, hidden, too long, or has `..` or another character, or
            there are more segments than are read again.
    """
    if len(segments) > MAX_SEGMENTS:
        raise UnsafePathError(f"a path in a deploy repo has more than {MAX_SEGMENTS} segments")
    for segment in segments:
        if len(segment) > MAX_SEGMENT or ".." in segment or not _SEGMENT.fullmatch(segment):
            raise UnsafePathError(f"{segment!r} is not a valid path segment in a deploy repo")
    return "/".join(segments)


def blob_id(content: bytes) -> str:
    """The Git id of a blob: SHA-1 over `blob <size>`, NUL and the content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
