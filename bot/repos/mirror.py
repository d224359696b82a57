"""Mirrors: one bare repository for each that is watched."""

import shutil
import threading
from collections.abc import Hashable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pygit2
from pygit2.enums import SortMode

from bot.forges import GitCredentials
from bot.repos import remote
from bot.repos.errors import GitError, RepositoryRefusedError
from bot.repos.history import History
from bot.repos.objects import (
    MAX_TOTAL,
    CommitInfo,
    Signature,
    Walk,
    find,
    read_blob,
    read_commit,
    subtree,
)
from bot.repos.writing import Changes, write_commit
from planners.model import Repo
from renderers.tree import FileTree, safe_join

MAX_AUTHORS = 1_000

K = TypeVar("K", bound=Hashable)


class Mirrors:
    """All mirrors below one folder, each made when it is first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[Repo, Mirror] = {}
        self._lock = threading.Lock()

    def of(self, repo: Repo) -> "Mirror":
        """The mirror of a repository; one that cannot be opened is made anew."""
        with self._lock:
            if repo not in self._known or not self._known[repo].intact():
                parts = [part.lower() for part in repo.path.split("/")]
                folder = self._root / safe_join(repo.forge, *parts)
                self._known[repo] = Mirror(folder.with_name(folder.name + ".git"))
            return self._known[repo]


class Mirror:
    """A bare repository; every method may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._repository = _open(folder)
        self._history = History(self._repository)

    def intact(self) -> bool:
        """Whether its folder is still there."""
        return (self._folder / "HEAD").is_file()

    def fetch(self, url: str, credentials: GitCredentials | None) -> None:
        """Fetch all branches. Raises TransientGitError when the server cannot be reached."""
        with self._lock:
            remote.fetch(self._repository, url, credentials)

    def push(
        self, url: str, credentials: GitCredentials, updates: remote.Updates
    ) -> Mapping[str, str | None]:
        """Push branches (name -> new and expected old id); for each None or why it was refused."""
        with self._lock:
            return remote.push(self._folder, url, credentials, updates)

    def head(self, branch: str) -> str | None:
        """The newest fetched commit of a branch."""
        with self._lock:
            reference = self._repository.references.get(remote.REMOTE + branch)
            return str(reference.target) if reference is not None else None

    def contains(self, tip: str, commit: str) -> bool:
        """Whether `commit` is `tip` or an ancestor of it; False for what is not known here."""
        with self._lock:
            if find(self._repository, tip) is None or find(self._repository, commit) is None:
                return False
            return tip == commit or self._repository.descendant_of(tip, commit)

    def commit_info(self, sha: str) -> CommitInfo:
        """The commit of that id. Raises GitError when there is none."""
        with self._lock:
            return read_commit(self._repository, sha)

    def folders(self, sha: str, prefix: str) -> tuple[str, ...]:
        """The names of the folders directly below a path."""
        with self._lock:
            found = subtree(self._repository, self._tree(sha), prefix)
            if not isinstance(found, pygit2.Tree):
                return ()
            return tuple(str(entry.name) for entry in found if isinstance(entry, pygit2.Tree))

    def entries(self, sha: str, prefixes: Iterable[str] = ("",)) -> dict[str, str]:
        """Path -> blob id of every file below the prefixes; a prefix that is not there is skipped.

        Raises:
            RepositoryRefusedError: see `Walk.files`.
        """
        with self._lock:
            walk = Walk(self._repository)
            found: dict[str, str] = {}
            tree = self._tree(sha)
            for prefix in prefixes:
                below = subtree(self._repository, tree, prefix)
                if isinstance(below, pygit2.Tree):
                    found.update(walk.files(below, f"{prefix}/" if prefix else ""))
            return found

    def files(self, sha: str, prefix: str = "") -> FileTree:
        """Path (below the prefix) -> bytes of every file.

        Raises:
            RepositoryRefusedError: see `Walk.files` and `read_blob`, or more than 64 MiB in all.
        """
        prefix = prefix.strip("/")
        start = f"{prefix}/" if prefix else ""
        with self._lock:
            found: dict[str, bytes] = {}
            total = 0
            for path, oid in self.entries(sha, (prefix,)).items():
                found[path.removeprefix(start)] = read_blob(self._repository, oid, path)
                total += len(found[path.removeprefix(start)])
                if total > MAX_TOTAL:
                    raise RepositoryRefusedError(f"{path}: more than {MAX_TOTAL} bytes in all")
            return found

    def blob(self, oid: str) -> bytes:
        """The bytes of a blob."""
        with self._lock:
            return read_blob(self._repository, oid)

    def changed_files(self, old: str, new: str) -> tuple[tuple[str, str | None, str | None], ...]:
        """Path, blob id before and after of every file that differs between two commits."""
        with self._lock:
            diff = self._tree(old).diff_to_tree(self._tree(new))
            return tuple(
                (
                    delta.new_file.path,
                    None if delta.status_char() == "A" else str(delta.old_file.id),
                    None if delta.status_char() == "D" else str(delta.new_file.id),
                )
                for delta in diff.deltas
            )

    def commit(
        self, parent: str, changes: Changes, *, message: str, author: Signature, at: datetime
    ) -> str:
        """Write a commit and move nothing; the same arguments give the same id."""
        with self._lock:
            return write_commit(
                self._repository, parent, changes, message=message, author=author, at=at
            )

    def last_changes(self, tip: str, paths: Mapping[K, tuple[str, ...]]) -> dict[K, CommitInfo]:
        """For each key the newest commit of main's own line that changed one of its paths."""
        with self._lock:
            found = self._history.last_changes(tip, paths)
            return {key: read_commit(self._repository, sha) for key, sha in found.items()}

    def authors(self, tip: str, known: Iterable[str]) -> frozenset[str]:
        """The e-mail addresses of who wrote or committed `tip` and what led to it since `known`."""
        with self._lock:
            walker = self._repository.walk(tip, SortMode.TOPOLOGICAL)
            for sha in known:
                if find(self._repository, sha) is not None and sha != tip:
                    walker.hide(sha)
            found: set[str] = set()
            for count, commit in enumerate(walker):
                if count >= MAX_AUTHORS:
                    break
                found |= {commit.author.email, commit.committer.email}
            return frozenset(found)

    def _tree(self, sha: str) -> pygit2.Tree:
        commit = find(self._repository, sha)
        if not isinstance(commit, pygit2.Commit):
            raise GitError(f"{sha[:12]} is not a commit here")
        return commit.tree


def _open(folder: Path) -> pygit2.Repository:
    """The bare repository of a folder; whatever else stands there is replaced."""
    try:
        return pygit2.Repository(str(folder))
    except pygit2.GitError:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        return pygit2.init_repository(str(folder), bare=True)
