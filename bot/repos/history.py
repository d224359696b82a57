"""When did a path last change? One walk along main's own line answers for all paths."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

import pygit2

from bot.repos.objects import subtree

MAX_WALK = 2_000

K = TypeVar("K", bound=Hashable)


class History:
    """Remembers what it found for each tip, so that a new commit costs one comparison a path."""

    def __init__(self, repository: pygit2.Repository) -> None:
        self._repository = repository
        self._known: dict[tuple[str, tuple[str, ...]], str] = {}

    def last_changes(self, tip: str, paths: Mapping[K, tuple[str, ...]]) -> dict[K, str]:
        """For each key the newest first-parent commit at which one of its paths changed.

        A key whose paths never changed within the walk has the oldest commit looked at: a report
        must then contain at least that one, which only delays.
        """
        wanted = set(paths.values())
        found: dict[tuple[str, ...], str] = {}
        commit: object = self._repository[tip]
        line: list[str] = []
        for _ in range(MAX_WALK):
            assert isinstance(commit, pygit2.Commit)
            for each in [each for each in wanted if (str(commit.id), each) in self._known]:
                found[each] = self._known[str(commit.id), each]
                wanted.discard(each)
            if not wanted:
                break
            line.append(str(commit.id))
            parent = commit.parents[0] if commit.parents else None
            for each in [each for each in wanted if self._changed(commit, parent, each)]:
                found[each] = str(commit.id)
                wanted.discard(each)
            if parent is None:
                break
            commit = parent
        for each in wanted:
            found[each] = line[-1]
        for each, sha in found.items():
            self._known[tip, each] = sha
        return {key: found[each] for key, each in paths.items()}

    def _changed(
        self, commit: pygit2.Commit, parent: pygit2.Commit | None, paths: tuple[str, ...]
    ) -> bool:
        if parent is not None and commit.tree_id == parent.tree_id:
            return False
        return any(self._id(commit, path) != self._id(parent, path) for path in paths)

    def _id(self, commit: pygit2.Commit | None, path: str) -> str | None:
        if commit is None:
            return None
        found = subtree(self._repository, commit.tree, path)
        return str(found.id) if found is not None else None
