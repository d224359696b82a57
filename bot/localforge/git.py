"""The forge's own door to Git: bare repositories, merges and diffs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pygit2

HEADS = "refs/heads/"
MAX_DIFF_FILES = 300
MAX_DIFF_LINES = 400
_PATH = re.compile(r"[a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*")


class GitRefusedError(Exception):
    """Git cannot do it; the text says why."""


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file's unified diff; `text` is empty when there is none to show."""

    path: str
    status: str
    added: int
    removed: int
    text: str


def valid_path(path: str) -> bool:
    """Whether it may be a repository's path, `group/name` in lower case."""
    return bool(_PATH.fullmatch(path)) and ".." not in path and not path.endswith(".git")


class Git:
    """The bare repositories below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, path: str) -> Path:
        """The folder of a repository."""
        if not valid_path(path):
            raise GitRefusedError(f"{path!r} is no repository path")
        return self.root / f"{path}.git"

    def create(self, path: str, default_branch: str) -> None:
        """Make an empty bare repository."""
        folder = self.folder(path)
        folder.parent.mkdir(parents=True, exist_ok=True)
        repository = pygit2.init_repository(str(folder), bare=True, initial_head=default_branch)
        repository.config["http.receivepack"] = True
        repository.config["core.logAllRefUpdates"] = True

    def open(self, path: str) -> pygit2.Repository:
        """The repository itself."""
        return pygit2.Repository(str(self.folder(path)))

    def branches(self, path: str) -> dict[str, str]:
        """Branch -> commit id."""
        repository = self.open(path)
        return {
            name.removeprefix(HEADS): str(repository.references[name].target)
            for name in repository.references
            if name.startswith(HEADS)
        }

    def head(self, path: str, branch: str) -> str | None:
        """The newest commit of a branch."""
        found = self.open(path).references.get(HEADS + branch)
        return str(found.target) if found is not None else None

    def set_head(self, path: str, branch: str, sha: str) -> None:
        """Let a branch point at a commit."""
        self.open(path).references.create(HEADS + branch, sha, force=True)

    def delete(self, path: str, branch: str) -> None:
        """Delete a branch that is there."""
        repository = self.open(path)
        if HEADS + branch in repository.references:
            repository.references.delete(HEADS + branch)

    def contains(self, path: str, tip: str, sha: str) -> bool:
        """Whether `sha` is `tip` or an ancestor of it."""
        repository = self.open(path)
        if sha not in repository or tip not in repository:
            return False
        return tip == sha or repository.descendant_of(tip, sha)

    def conflicts(self, path: str, target: str, head: str) -> bool:
        """Whether the two commits cannot be merged without a person."""
        repository = self.open(path)
        if head not in repository or target not in repository:
            return True
        index = repository.merge_commits(repository[target], repository[head])  # type: ignore[arg-type] # commits, by their ids
        return index.conflicts is not None

    def merge(
        self,
        path: str,
        heads: tuple[str, str, str],
        message: str,
        author: tuple[str, str],
        at: datetime,
    ) -> str:
        """Merge `head` into branch `target` at commit `onto`: `heads` is (target, onto, head).

        Raises:
            GitRefusedError: conflicts, or the branch moved.
        """
        target, onto, head = heads
        repository = self.open(path)
        index = repository.merge_commits(repository[onto], repository[head])  # type: ignore[arg-type] # commits, by their ids
        if index.conflicts is not None:
            raise GitRefusedError("the branch conflicts with its target")
        tree = index.write_tree(repository)
        signature = pygit2.Signature(*author, int(at.timestamp()), 0)
        sha = repository.create_commit(None, signature, signature, message, tree, [onto, head])
        reference = repository.references[HEADS + target]
        if str(reference.target) != onto:
            raise GitRefusedError("the target branch moved meanwhile")
        reference.set_target(sha)
        return str(sha)

    def diff(self, path: str, base: str, head: str) -> list[FileDiff]:
        """What `head` changes against where it left `base`, at most 300 files."""
        repository = self.open(path)
        if base not in repository or head not in repository:
            return []
        start = repository.merge_base(base, head) or base
        diff = repository.diff(str(start), head)
        diff.find_similar()
        shown = [diff[number] for number in range(min(len(diff), MAX_DIFF_FILES))]
        return [_file_diff(patch) for patch in shown if patch is not None]

    def log(self, path: str, tip: str, most: int) -> list[Mapping[str, str]]:
        """The newest commits of a tip."""
        repository = self.open(path)
        return [
            {
                "sha": str(commit.id),
                "subject": commit.message.partition("\n")[0],
                "author": commit.author.name,
            }
            for _, commit in zip(range(most), repository.walk(tip), strict=False)
        ]


def _file_diff(patch: pygit2.Patch) -> FileDiff:
    delta = patch.delta
    _, added, removed = patch.line_stats
    try:
        text = patch.text or ""
    except UnicodeDecodeError:
        text = "(binary)"
    hunks = text[text.find("@@") :] if "@@" in text else ""
    return FileDiff(delta.new_file.path, delta.status_char(), added, removed, hunks)
