"""How much of a repository is read and fetched before it is refused."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Counts, bytes and seconds.

    `entries` bounds a walk whose bytes are read, `ids` one that lists ids alone (a deploy repo of a
    large fleet). Both count what is walked, however often a tree is shared, so that a tree bomb of
    a few objects stops early. `depth` and `path` (bytes) hold for both. `blob` is the largest file,
    `total` the largest sum. `fetch_bytes` and `fetch_seconds` bound one fetch. A mirror with more
    than `packs` packs is repacked.
    """

    entries: int = 50_000
    ids: int = 1_000_000
    depth: int = 50
    path: int = 1024
    blob: int = MIB
    total: int = 64 * MIB
    fetch_bytes: int = 1024 * MIB
    fetch_seconds: float = 120.0
    packs: int = 50
