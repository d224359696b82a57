"""What changes, for people: diffs grouped over clusters, within a budget, never cut silently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.wording.markdown import fence, fold, listing, plural
from planners.changes import ChangeKind, ChangeSet
from renderers import differ

Blobs = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Diffs:
    """Diffs of some change sets, grouped: clusters whose diffs are the same to the letter."""

    groups: tuple[differ.Group, ...]
    clusters: int


def diffs_of(changes: Sequence[ChangeSet], blobs: Blobs) -> Diffs:
    """Group the diffs of those changes; `blobs` has the bytes of every blob id they name."""
    by_cluster: dict[str, dict[str, str]] = {}
    known: dict[tuple[str, str | None, str | None], str] = {}
    for change in changes:
        for file in change.files:
            cluster = file.unit.cluster
            shared = _shared(file.path, cluster)
            key = (shared, file.old, file.new)
            if key not in known:
                old = blobs[file.old] if file.old else None
                new = blobs[file.new] if file.new else None
                known[key] = _shared_text(differ.diff(shared, old, new), cluster)
            by_cluster.setdefault(cluster, {})[shared] = known[key]
    return Diffs(differ.group(by_cluster), len(by_cluster))


def _shared(path: str, cluster: str) -> str:
    return path.replace(f"clusters/{cluster}/", "clusters/*/", 1)


def _shared_text(text: str, cluster: str) -> str:
    """Diff lines in which the cluster's own folder stands as `*`, so that twins look alike."""
    return text.replace(f"clusters/{cluster}/", "clusters/*/")


def render_diffs(diffs: Diffs, budget: int) -> str:
    """The groups as folds, the biggest first, as far as `budget` characters reach.

    What does not fit is counted in a last line.
    """
    parts: list[str] = []
    left = 0
    for group in diffs.groups:
        part = _group(group, diffs.clusters)
        if len(part) > budget:
            left += 1
            continue
        budget -= len(part)
        parts.append(part)
    if left:
        parts.append(
            f"{plural(left, 'group')} of diffs did not fit here; "
            f"the merge requests and the deploy repo's branches show them whole."
        )
    return "\n\n".join(parts)


def _group(group: differ.Group, clusters: int) -> str:
    count = len(group.clusters)
    everywhere = (
        f"all {plural(count, 'cluster')}" if count == clusters else f"{count} of {clusters}"
    )
    summary = f"{everywhere}: {plural(len(group.files), 'file')} ({listing(group.clusters, 6)})"
    text = "\n".join(group.files[path].rstrip() for path in sorted(group.files))
    return fold(summary, fence(text, "diff"))


def counts(change: ChangeSet) -> str:
    """`3 created, 1 deleted`, or that nothing is left to merge."""
    found = [f"{change.count(kind)} {kind}" for kind in ChangeKind if change.count(kind)]
    return ", ".join(found) or "nothing left to merge"
