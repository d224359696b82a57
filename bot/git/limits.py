"""Limits on what is fetched and read of a repository."""

from dataclasses import dataclass

from renderers.tree import MAX_FILE, MAX_TOTAL

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Counts, bytes and seconds.

    `entries` limits a walk that reads file contents, `ids` a walk that only lists ids (a deploy
    repo of a large fleet). Both count every visit of a shared tree, so that a tree bomb of a few
    objects is detected early. `depth` and `path` (bytes) apply to both. `blob` is the maximum size
    of a file, `total` that of all files read together; further files stay unread. `fetch_bytes` and
    `fetch_seconds` limit one fetch. A mirror with more than `packs` packs is repacked, and what no
    branch has reached for `unreachable_seconds` is deleted then.
    """

    entries: int = 50_000
    ids: int = 1_000_000
    depth: int = 50
    path: int = 1024
    blob: int = MAX_FILE
    total: int = MAX_TOTAL
    fetch_bytes: int = 1024 * MIB
    fetch_seconds: float = 120.0
    packs: int = 50
    unreachable_seconds: int = 30 * 24 * 3600
