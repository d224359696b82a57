"""The forge's Git operations: bare repositories, branches, merges, contents."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import pygit2

from bot.sandbox.forge.diffs import Diff, read_diff

HEADS = "refs/heads/"
REQUESTS = "refs/merge-requests/"
MAX_FILE = 1024 * 1024
CACHED_CONFLICTS = 4096
_PATH = re.compile(r"[a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*")
_ID = re.compile(r"[0-9a-f]{40}")
_SETTINGS = {
    "http.receivepack": "true",
    "core.logAllRefUpdates": "true",
    "receive.fsckObjects": "true",
    "receive.hideRefs": REQUESTS.rstrip("/"),
    "gc.autoDetach": "false",
}


class GitOperationError(Exception):
    """A Git operation failed; the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a folder."""

    name: str
    folder: bool


def valid_path(path: str) -> bool:
    """Whether a text is a repository path, `group/name` in lower case."""
    return bool(_PATH.fullmatch(path)) and ".." not in path and ".git/" not in f"{path}/"


@dataclass(frozen=True, slots=True)
class BranchMerge:
    """A merge of commit `head` into branch `target`, which must be at commit `onto`."""

    target: str
    onto: str
    head: str
    message: str
    author_name: str
    author_email: str
    at: datetime


class _Opened(threading.local):
    """The open repositories of a thread: libgit2 shares none among threads."""

    def __init__(self) -> None:
        self.by_path: dict[str, pygit2.Repository] = {}


class Git:
    """The bare repositories below one folder. Every method may be called from any thread."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._opened = _Opened()
        self.conflicts: Callable[[str, str, str], bool] = lru_cache(CACHED_CONFLICTS)(
            self._conflicts
        )
        """Whether merging (path, target commit, head) has conflicts; cached."""

    def folder(self, path: str) -> Path:
        """The folder of a repository.

        Raises:
            GitOperationError: the path is invalid.
        """
        if not valid_path(path):
            raise GitOperationError(
                f"{path!r} is not a valid repository path; use group/name in lower case"
            )
        return self.root / f"{path}.git"

    def create(self, path: str, default_branch: str) -> None:
        """Create an empty bare repository."""
        folder = self.folder(path)
        folder.parent.mkdir(parents=True, exist_ok=True)
        repository = pygit2.init_repository(str(folder), bare=True, initial_head=default_branch)
        for name, value in _SETTINGS.items():
            repository.config[name] = value

    def open(self, path: str) -> pygit2.Repository:
        """A repository; each thread opens it once."""
        opened = self._opened.by_path
        if path not in opened:
            opened[path] = pygit2.Repository(str(self.folder(path)))
        return opened[path]

    def branches(self, path: str) -> dict[str, str]:
        """Branch -> commit id, sorted by name."""
        found = self.open(path).references.iterator()
        return dict(
            sorted(
                (each.name.removeprefix(HEADS), str(each.target))
                for each in found
                if each.name.startswith(HEADS)
            )
        )

    def state(self, path: str) -> str:
        """A digest of all refs, which changes only if there is something new to fetch."""
        found = self.open(path).references.iterator()
        lines = sorted(f"{each.name} {each.target}" for each in found)
        return sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()

    def head(self, path: str, branch: str) -> str | None:
        """The newest commit of a branch; None if it does not exist."""
        if not pygit2.reference_is_valid_name(HEADS + branch):
            return None
        found = self.open(path).references.get(HEADS + branch)
        return str(found.target) if found is not None else None

    def has_commit(self, path: str, sha: str) -> bool:
        """Whether a full id is a commit of the repository."""
        if not _ID.fullmatch(sha):
            return False
        found = self.open(path).get(sha)
        return found is not None and found.type_str == "commit"

    def restore(self, path: str, branch: str, sha: str) -> None:
        """Create a missing branch at a commit."""
        self.open(path).references.create(HEADS + branch, sha)

    def keep(self, path: str, number: int, sha: str) -> None:
        """Point the ref of a merge request to its head, so that Git does not prune it."""
        self.open(path).references.create(f"{REQUESTS}{number}/head", sha, force=True)

    def delete(self, path: str, branch: str, sha: str) -> bool:
        """Delete a branch if it is still at a commit; returns whether it was deleted."""
        found = self.open(path).references.get(HEADS + branch)
        if found is None or str(found.target) != sha:
            return False
        found.delete()
        return True

    def contains(self, path: str, tip: str, sha: str) -> bool:
        """Whether `sha` is `tip` or an ancestor of it."""
        repository = self.open(path)
        if sha not in repository or tip not in repository:
            return False
        return tip == sha or repository.descendant_of(tip, sha)

    def _conflicts(self, path: str, target: str, head: str) -> bool:
        if self.contains(path, head, target):
            return False  # the merge is a fast-forward, whose tree Git takes as it is
        repository = self.open(path)
        index = repository.merge_commits(repository[target], repository[head])  # type: ignore[arg-type] # commits, by their ids
        return index.conflicts is not None

    def merge(
        self,
        path: str,
        merge: BranchMerge,
    ) -> str:
        """Create a merge commit on the target branch, and return it.

        The branch is updated under Git's own lock, and only if it is still at `merge.onto`
        (libgit2: git_reference_set_target).

        Raises:
            GitOperationError: there are conflicts, or the branch has changed.
        """
        target, onto, head = merge.target, merge.onto, merge.head
        repository = self.open(path)
        index = repository.merge_commits(repository[onto], repository[head])  # type: ignore[arg-type] # commits, by their ids
        if index.conflicts is not None:
            raise GitOperationError(f"conflicts with {target}")
        tree = index.write_tree(repository)
        at = int(merge.at.timestamp())
        signature = pygit2.Signature(merge.author_name, merge.author_email, at, 0)
        sha = repository.create_commit(
            None, signature, signature, merge.message, tree, [onto, head]
        )
        reference = repository.references[HEADS + target]
        if str(reference.target) != onto:
            raise GitOperationError(f"{target} has changed in the meantime")
        try:
            reference.set_target(sha)
        except pygit2.GitError as error:
            raise GitOperationError(f"{target} has changed in the meantime") from error
        return str(sha)

    def diff(self, path: str, base: str, head: str) -> Diff:
        """The diff of `head` against its merge base with `base`."""
        repository = self.open(path)
        if base not in repository or head not in repository:
            return Diff()
        start = repository.merge_base(base, head)
        return read_diff(repository.diff(str(start or base), head))

    def commit_diff(self, path: str, sha: str) -> Diff:
        """The diff of a commit against its first parent, or all of a root commit."""
        repository = self.open(path)
        commit = repository[sha].peel(pygit2.Commit)
        if not commit.parents:
            return read_diff(commit.tree.diff_to_tree(swap=True))
        return read_diff(repository.diff(str(commit.parents[0].id), sha))

    def log(self, path: str, tip: str, limit: int) -> list[Mapping[str, str]]:
        """The newest commits of a tip, newest first: sha, subject, message, author, at."""
        walk = self.open(path).walk(tip)
        return [_commit(found) for _, found in zip(range(limit), walk, strict=False)]

    def commit(self, path: str, sha: str) -> Mapping[str, str]:
        """An existing commit, as in `log`."""
        return _commit(self.open(path)[sha].peel(pygit2.Commit))

    def entries(self, path: str, tip: str, folder: str) -> list[Entry] | None:
        """The entries of a folder at a commit, folders first; None if it is not a folder."""
        found = _at(self.open(path), tip, folder)
        if not isinstance(found, pygit2.Tree):
            return None
        listed = [Entry(str(each.name), isinstance(each, pygit2.Tree)) for each in found]
        return sorted(listed, key=lambda entry: (not entry.folder, entry.name))

    def file(self, path: str, tip: str, name: str) -> str | None:
        """The text of a file at a commit; None if it is not a file, or larger than 1 MiB."""
        found = _at(self.open(path), tip, name)
        if not isinstance(found, pygit2.Blob) or found.size > MAX_FILE:
            return None
        return "(binary)" if found.is_binary else found.data.decode("utf-8", "replace")


def _at(repository: pygit2.Repository, tip: str, path: str) -> pygit2.Object | None:
    tree = repository[tip].peel(pygit2.Tree)
    if not path:
        return tree
    try:
        return tree[path]
    except (KeyError, ValueError):
        return None


def _commit(commit: pygit2.Commit) -> Mapping[str, str]:
    message = commit.raw_message.decode("utf-8", "replace")
    return {
        "sha": str(commit.id),
        "subject": message.partition("\n")[0],
        "message": message,
        "author": commit.author.raw_name.decode("utf-8", "replace"),
        "at": datetime.fromtimestamp(commit.commit_time, UTC).isoformat(),
    }
