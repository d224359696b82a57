"""File trees (path -> bytes), safe paths in deploy repos, and Git blob ids."""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

FileTree: TypeAlias = Mapping[str, bytes]

MAX_FILE = 16 * 1024 * 1024
"""Bytes of one file, on the way in and out: a source, the output of a tool, a rendered object."""

MAX_TOTAL = 64 * 1024 * 1024
"""Bytes of all files of a repository that are read together."""

NOT_FOLLOWED = "symbolic links and submodules are not followed; use a regular file or folder"
"""Why a link or a submodule of an app repo is not read."""

_SEGMENT = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
MAX_SEGMENT = 200
MAX_SEGMENTS = 50


class PartialTree(dict[str, bytes]):
    """A file tree; `unread` maps files that were not read to the reason, such as their size.

    A repository may contain whatever it likes: a file that was not read is refused by what uses it.
    """

    def __init__(self, files: FileTree, unread: Mapping[str, str]) -> None:
        super().__init__(files)
        self.unread = unread


def unread(files: FileTree) -> Mapping[str, str]:
    """The files of a tree that were not read, with the reasons."""
    return files.unread if isinstance(files, PartialTree) else {}


def below(files: FileTree, folder: str) -> FileTree:
    """The files below a folder, by their paths in it; all of them if it is empty."""
    prefix = f"{folder.strip('/')}/".lstrip("/")
    if not prefix:
        return files
    return PartialTree(
        {path.removeprefix(prefix): files[path] for path in files if path.startswith(prefix)},
        {p.removeprefix(prefix): why for p, why in unread(files).items() if p.startswith(prefix)},
    )


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
        if len(segment) > MAX_SEGMENT or not _is_portable(segment):
            raise UnsafePathError(f"{segment!r} is not a valid path segment in a deploy repo")
    return "/".join(segments)


@lru_cache(maxsize=65_536)
def _is_portable(segment: str) -> bool:
    """Remembered, since the paths of a fleet have the same segments."""
    return ".." not in segment and _SEGMENT.fullmatch(segment) is not None


def raw_blob_id(content: bytes) -> bytes:
    """The Git id of a blob: SHA-1 over `blob <size>`, NUL and the content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).digest()


def blob_id(content: bytes) -> str:
    """The Git id of a blob, in hexadecimal."""
    return raw_blob_id(content).hex()
