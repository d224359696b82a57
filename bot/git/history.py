"""What commits say, who wrote them, and when a path last changed. Used by `Mirror`."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

import pygit2
from pygit2.enums import SortMode

from bot.git.errors import RepositoryRefusedError
from bot.git.objects import Entry, Objects

Paths: TypeAlias = tuple[str, ...]

_TRAILER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*) ?: *(.*)")
_ADDRESS = re.compile(r".*<([^<>]+)>\s*")


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit; `at` is the committer's time in UTC.

    `trailers` are the `Key: value` lines of the message's last paragraph (git-interpret-trailers);
    of a key that stands there twice the last counts.
    """

    sha: str
    tree: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    committer_email: str
    at: datetime
    message: str
    trailers: Mapping[str, str] = field(default_factory=dict)


def read_commit(objects: Objects, sha: str) -> CommitInfo:
    """A commit as a value. Text that is not UTF-8 is shown with replacement characters.

    Raises:
        GitError: there is none of that id here.
        RepositoryRefusedError: it is malformed.
    """
    commit = objects.commit(sha)
    message = _text(commit.raw_message)
    try:
        at = datetime.fromtimestamp(commit.commit_time, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise RepositoryRefusedError(f"commit {sha} has no time that a clock can show") from error
    return CommitInfo(
        sha=sha,
        tree=str(commit.tree_id),
        parents=tuple(str(parent) for parent in commit.parent_ids),
        author_name=_text(commit.author.raw_name),
        author_email=_text(commit.author.raw_email),
        committer_email=_text(commit.committer.raw_email),
        at=at,
        message=message,
        trailers=dict(_trailers(message)),
    )


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")


def _trailers(message: str) -> list[tuple[str, str]]:
    paragraphs = message.strip().split("\n\n")[1:] or [""]
    found = [_TRAILER.fullmatch(line) for line in paragraphs[-1].split("\n")]
    return [(match[1], match[2].strip()) for match in found if match]


def read_authors(
    repository: pygit2.Repository, objects: Objects, tip: str, known: Iterable[str], most: int
) -> frozenset[str]:
    """E-mail addresses of everybody who had a hand in `tip` since any of the `known` commits.

    Authors, committers and `Co-authored-by`, in lower case. A commit counts unless every known
    commit contains it; unknown ids are left out, and without any the whole history counts. At the
    most `most` commits are looked at for each known one, the newest first.
    """
    bases = {sha for sha in known if objects.find_commit(sha) is not None} or {""}
    found: set[str] = set()
    for base in sorted(bases):
        walker = repository.walk(objects.commit(tip).id, SortMode.TIME)
        if base:
            walker.hide(base)
        for _, commit in zip(range(most), walker, strict=False):
            found |= _people(commit)
    return frozenset(found) or _people(objects.commit(tip))


def _people(commit: pygit2.Commit) -> frozenset[str]:
    addresses = [_text(commit.author.raw_email), _text(commit.committer.raw_email)]
    for key, value in _trailers(_text(commit.raw_message)):
        match = _ADDRESS.fullmatch(value)
        if key.lower() == "co-authored-by" and match:
            addresses.append(match[1])
    return frozenset(address.strip().lower() for address in addresses)


@dataclass(slots=True)
class _Node:
    """One segment of the wanted paths: the groups of paths that end here, and what is below."""

    ends: set[Paths] = field(default_factory=set)
    below: dict[bytes, "_Node"] = field(default_factory=dict)


class History:
    """When did a group of paths last change? Remembers each answer with the tip it was given for.

    An answer stays right for its tip for ever. A walk from a newer tip that reaches that one takes
    the answer over, so that it looks at the new commits alone.
    """

    def __init__(self) -> None:
        self._known: dict[Paths, tuple[str, str]] = {}

    def last_changes(
        self, objects: Objects, tip: str, wanted: Iterable[Paths], limit: int
    ) -> dict[Paths, str]:
        """The newest commit on `tip`'s first-parent line that changed one of each group's paths.

        A group without such a commit among the first `limit`, or in the whole line, gets the oldest
        commit looked at: whoever asks that a cluster has seen its last change asks for more then,
        never for less.
        """
        waiting = set(wanted)
        found: dict[Paths, str] = {}
        tree, answered = _nested(waiting), self._by_tip(waiting)
        changes = _Changes(objects)
        commit, left = objects.commit(tip), limit
        while waiting:
            sha = str(commit.id)
            here = {paths: self._known[paths][1] for paths in answered.get(sha, ())}
            parent = objects.commit(str(commit.parent_ids[0])) if commit.parent_ids else None
            if len(here) < len(waiting):
                here = dict.fromkeys(changes.between(tree, commit, parent), sha) | here
            left -= 1
            if parent is None or left <= 0:
                here = dict.fromkeys(waiting, sha) | here
            found |= {paths: change for paths, change in here.items() if paths in waiting}
            waiting -= here.keys()
            commit = parent if parent is not None else commit
        self._known |= {paths: (tip, change) for paths, change in found.items()}
        return found

    def _by_tip(self, wanted: Iterable[Paths]) -> dict[str, list[Paths]]:
        tips: dict[str, list[Paths]] = {}
        for paths in wanted:
            if paths in self._known:
                tips.setdefault(self._known[paths][0], []).append(paths)
        return tips


class _Changes:
    """Compares commits with their parents; a parent's trees are read once for both its roles."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._older: dict[bytes, dict[bytes, Entry]] = {}
        self._newer: dict[bytes, dict[bytes, Entry]] = {}

    def between(
        self, wanted: _Node, commit: pygit2.Commit, parent: pygit2.Commit | None
    ) -> Iterator[Paths]:
        """The groups with a path whose object differs; equal trees are not looked into."""
        self._newer, self._older = self._older, {}
        yield from self._compare(wanted, _root(parent), _root(commit))

    def _compare(self, node: _Node, old: Entry | None, new: Entry | None) -> Iterator[Paths]:
        if old == new:
            return
        yield from node.ends
        if node.below:
            before, after = self._listing(old), self._listing(new)
            for name, below in node.below.items():
                yield from self._compare(below, before.get(name), after.get(name))

    def _listing(self, entry: Entry | None) -> dict[bytes, Entry]:
        if entry is None or not entry.is_tree:
            return {}
        known = self._older.get(entry.oid) or self._newer.get(entry.oid)
        self._older[entry.oid] = known or self._objects.listing(entry.oid)
        return self._older[entry.oid]


def _root(commit: pygit2.Commit | None) -> Entry | None:
    return Entry(pygit2.enums.FileMode.TREE, bytes(commit.tree_id.raw)) if commit else None


def _nested(groups: Iterable[Paths]) -> _Node:
    root = _Node()
    for paths in groups:
        for path in paths:
            node = root
            for part in filter(None, path.encode().split(b"/")):
                node = node.below.setdefault(part, _Node())
            node.ends.add(paths)
    return root
