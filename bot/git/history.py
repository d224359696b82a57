"""Commit metadata, new commits, and the last change of a path. Used by `Mirror`."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
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
    the last value of a repeated key wins.
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
    """A commit as a value. Text that is not UTF-8 gets replacement characters.

    Raises:
        GitError: the mirror has no such commit.
        RepositoryRefusedError: the commit is malformed.
    """
    commit = objects.commit(sha)
    message = _text(commit.raw_message)
    try:
        at = datetime.fromtimestamp(commit.commit_time, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise RepositoryRefusedError(f"commit {sha} has a timestamp out of range") from error
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


@dataclass(frozen=True, slots=True)
class NewCommits:
    """Commits of a history, each with its parents' ids, and the e-mail addresses in them.

    Addresses of authors, committers and `Co-authored-by` trailers, in lower case. `complete` is
    False if there are more commits than the limit.
    """

    parents: Mapping[str, tuple[str, ...]]
    addresses: frozenset[str]
    complete: bool


def read_new_commits(
    repository: pygit2.Repository, objects: Objects, tip: str, known: Iterable[str], limit: int
) -> NewCommits:
    """The commits of `tip` since any of the `known` ones; `tip` itself if there are none.

    A commit counts unless every known commit contains it; unknown ids are ignored, and without any
    the whole history counts.
    """
    bases = {sha for sha in known if objects.find_commit(sha) is not None} or {""}
    found: dict[str, pygit2.Commit] = {}
    complete = True
    for base in sorted(bases):
        walker = repository.walk(objects.commit(tip).id, SortMode.TIME)
        if base:
            walker.hide(base)
        some = {str(commit.id): commit for commit in islice(walker, limit + 1)}
        complete = complete and len(some) <= limit
        found |= some
    found = found or {tip: objects.commit(tip)}
    return NewCommits(
        {sha: tuple(str(each) for each in commit.parent_ids) for sha, commit in found.items()},
        frozenset(address for commit in found.values() for address in _addresses(commit)),
        complete and len(found) <= limit,
    )


def _addresses(commit: pygit2.Commit) -> Iterator[str]:
    every = [_text(commit.author.raw_email), _text(commit.committer.raw_email)]
    for key, value in _trailers(_text(commit.raw_message)):
        match = _ADDRESS.fullmatch(value)
        if key.lower() == "co-authored-by" and match:
            every.append(match[1])
    return (address.strip().lower() for address in every)


@dataclass(slots=True)
class _Node:
    """A segment of the requested paths: the groups with a path that ends here, and its children."""

    ends: set[Paths] = field(default_factory=set)
    children: dict[bytes, "_Node"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _LastChange:
    """The last commit that changed a group of paths, as seen from a tip."""

    tip: str
    change: str


class History:
    """The last change of groups of paths, with a cache of earlier results.

    A result is valid for its tip for ever. A walk from a newer tip that reaches the old one reuses
    the result, so that it inspects only new commits.
    """

    def __init__(self) -> None:
        self._known: dict[Paths, _LastChange] = {}

    def last_changes(
        self, objects: Objects, tip: str, wanted: Iterable[Paths], limit: int
    ) -> dict[Paths, str]:
        """The newest first-parent commit of `tip` that changed one of each group's paths.

        A group without such a commit, or with none among the first `limit`, gets the oldest commit
        inspected. That errs on the safe side: a cluster must then have seen a commit at least as
        new as the last change.
        """
        pending = set(wanted)
        found: dict[Paths, str] = {}
        tree, cached = _nested(pending), self._by_tip(pending)
        changes = _Changes(objects)
        commit, left = objects.commit(tip), limit
        while pending:
            sha = str(commit.id)
            here = {paths: self._known[paths].change for paths in cached.get(sha, ())}
            parent = objects.commit(str(commit.parent_ids[0])) if commit.parent_ids else None
            if len(here) < len(pending):
                here = dict.fromkeys(changes.between(tree, commit, parent), sha) | here
            left -= 1
            if parent is None or left <= 0:
                here = dict.fromkeys(pending, sha) | here
            found |= {paths: change for paths, change in here.items() if paths in pending}
            pending -= here.keys()
            commit = parent if parent is not None else commit
        self._known |= {paths: _LastChange(tip, change) for paths, change in found.items()}
        return found

    def _by_tip(self, wanted: Iterable[Paths]) -> dict[str, list[Paths]]:
        tips: dict[str, list[Paths]] = {}
        for paths in wanted:
            if paths in self._known:
                tips.setdefault(self._known[paths].tip, []).append(paths)
        return tips


class _Changes:
    """Compares commits with their parents; trees are read once for both comparisons of a commit."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._older: dict[bytes, dict[bytes, Entry]] = {}
        self._newer: dict[bytes, dict[bytes, Entry]] = {}

    def between(
        self, wanted: _Node, commit: pygit2.Commit, parent: pygit2.Commit | None
    ) -> Iterator[Paths]:
        """The groups with a path whose object differs; equal trees are skipped."""
        self._newer, self._older = self._older, {}
        yield from self._compare(wanted, _root(parent), _root(commit))

    def _compare(self, node: _Node, old: Entry | None, new: Entry | None) -> Iterator[Paths]:
        if old == new:
            return
        yield from node.ends
        if node.children:
            before, after = self._listing(old), self._listing(new)
            for name, child in node.children.items():
                yield from self._compare(child, before.get(name), after.get(name))

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
                node = node.children.setdefault(part, _Node())
            node.ends.add(paths)
    return root
