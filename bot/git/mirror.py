"""A mirror: a bare clone of one watched repository. The shell calls it in threads."""

import re
import shutil
import sys
import threading
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pygit2

from bot.git import packs, remote
from bot.git.errors import DamagedError, GitError, TransientGitError
from bot.git.history import CommitInfo, History, NewCommits, read_commit, read_new_commits
from bot.git.limits import Limits
from bot.git.objects import Objects
from bot.git.reading import Comparison, FileDifference, Walk, read_blob, read_files
from bot.git.signing import CommitSigner
from bot.git.transport import Transport
from bot.git.writing import Changes, NewCommit, Signature, draft_commits
from planners.model import Repo
from renderers.tree import FileTree

MAX_LOOSE_OBJECTS = 200
MOST_ANCESTRIES = 20_000
"""Who descends from whom never changes; so many answers are kept."""

_REFERENCE = re.compile(rb"[0-9a-f]{40}\n?|ref: refs/[^\n]+\n?")

K = TypeVar("K", bound=Hashable)


class Mirror:
    """A bare repository, used by one thread at a time.

    A mirror is a cache. A missing one is created again on next use, a damaged one at the next
    fetch; a method that detects damage raises TransientGitError. Methods that take a commit id
    raise GitError if the mirror does not have it.
    """

    def __init__(
        self,
        repo: Repo,
        folder: Path,
        limits: Limits,
        transport: Transport,
        signer: CommitSigner | None = None,
    ) -> None:
        self._repo = repo
        self._folder = folder
        self._limits = limits
        self._transport = transport
        self._signer = signer
        self._lock = threading.RLock()
        self._repository: pygit2.Repository | None = None
        self._damaged = False
        self._history = History()
        self._ancestry: dict[tuple[str, str], bool] = {}
        self._asked: set[str] = set()

    def fetch(self, url: str, access: remote.Access | None) -> None:
        """Fetch all branches; branches deleted on the server are deleted here too.

        Raises:
            TransientGitError: the server is unreachable or busy, or the connection broke.
            GitError: the URL is not allowed, the server rejects the fetch, or it is too large.
        """
        self._transport.check_url(url, access)
        with self._lock:
            if self._damaged:
                self._discard()
            try:
                self._transport.fetch(self._opened(), url, access, self._limits)
            except GitError as error:
                self._close()
                had_locks, intact = bool(_locks(self._folder)), self._is_intact()
                if not intact:
                    self._discard()
                elif not (had_locks or isinstance(error, TransientGitError)):
                    raise
                self._transport.fetch(self._opened(), url, access, self._limits)
            if packs.is_fragmented(self._folder, self._limits.packs):
                self._repack()

    def fetch_ref(self, url: str, access: remote.Access | None, ref: str) -> str:
        """Fetch one ref that is not a branch, and return its commit.

        Raises:
            TransientGitError, GitError: as `fetch`.
        """
        self._transport.check_url(url, access)
        with self._lock:
            self._asked.add(remote.kept_as(ref))
            return self._transport.fetch_ref(
                self._opened(), url, access, ref=ref, limits=self._limits
            )

    def push(
        self,
        url: str,
        access: remote.Access | None,
        updates: Mapping[str, remote.BranchUpdate],
    ) -> dict[str, str | None]:
        """Push branches in one exchange; `updates` is by branch name.

        Returns for each branch None, or why it was rejected: the server's message, or `stale: ...`
        if the server has another commit than expected. A branch that already has the new commit is
        skipped and counts as pushed.

        Raises:
            TransientGitError, GitError: as `fetch`; the state of all branches is unknown then.
        """
        self._transport.check_url(url, access)
        with self._lock:
            return self._transport.push(self._opened(), url, access, updates)

    def head(self, branch: str) -> str | None:
        """The newest fetched commit of a branch."""
        with self._reading():
            try:
                reference = remote.reference(self._opened(), remote.REMOTE + branch)
            except ValueError:  # not a valid ref name, so there is no such branch
                return None
            return str(reference.target) if reference is not None else None

    def branches(self, prefix: str = "") -> dict[str, str]:
        """The fetched branches with a name prefix, each with its newest commit."""
        start = remote.REMOTE + prefix
        with self._reading():
            found = self._opened().references.iterator()
            return dict(
                sorted(
                    (each.name.removeprefix(remote.REMOTE), str(each.target))
                    for each in found
                    if each.name.startswith(start)
                )
            )

    def contains(self, tip: str, commit: str) -> bool:
        """Whether `commit` is `tip` or an ancestor of it; False for ids that the mirror lacks."""
        with self._lock:
            if (tip, commit) in self._ancestry:
                return self._ancestry[tip, commit]
        with self._reading() as objects:
            if objects.find_commit(tip) is None or objects.find_commit(commit) is None:
                return False
            found = tip == commit or bool(self._opened().descendant_of(tip, commit))
            if len(self._ancestry) >= MOST_ANCESTRIES:
                self._ancestry.clear()
            self._ancestry[tip, commit] = found
            return found

    def merge_base(self, one: str, other: str) -> str | None:
        """The newest common ancestor of two commits; None if their histories are unrelated."""
        with self._reading():
            found = self._opened().merge_base(one, other)
            return str(found) if found is not None else None

    def tree(self, sha: str, path: str = "") -> str | None:
        """The id of a folder of a commit; None if there is none."""
        with self._reading() as objects:
            entry = objects.at(sha, path)
            return entry.oid.hex() if entry is not None and entry.is_tree else None

    def commit_info(self, sha: str) -> CommitInfo:
        """A commit as a value. Raises RepositoryRefusedError if it is malformed."""
        with self._reading() as objects:
            return read_commit(objects, sha)

    def new_commits(self, tip: str, known: Iterable[str], limit: int) -> NewCommits:
        """The commits of `tip` since any of the `known` ones; see `history.read_new_commits`."""
        with self._reading() as objects:
            return read_new_commits(self._opened(), objects, tip, known, limit)

    def folders(self, sha: str, path: str) -> tuple[str, ...]:
        """The names of the direct subfolders of a folder, sorted; empty if it does not exist.

        Raises:
            RepositoryRefusedError: a name is not allowed.
        """
        with self._reading() as objects:
            return tuple(Walk(objects, self._limits, self._limits.ids).folders(sha, path))

    def entries(self, sha: str, prefixes: Iterable[str] = ("",)) -> dict[str, str]:
        """Path -> blob id of every file at or below the prefixes; missing ones are skipped.

        Raises:
            RepositoryRefusedError: an unsupported entry, or more than `Limits.ids`.
        """
        with self._reading() as objects:
            walk = Walk(objects, self._limits, self._limits.ids)
            files, names = dict(walk.files(objects.root(sha), prefixes)), dict[bytes, str]()
            return {
                path: names.setdefault(oid, sys.intern(oid.hex())) for path, oid in files.items()
            }

    def files(self, sha: str, prefix: str = "") -> FileTree:
        """Path below the prefix -> bytes of every file.

        Raises:
            RepositoryRefusedError: an unsupported entry, or a limit is exceeded.
        """
        with self._reading() as objects:
            return read_files(objects, self._limits, objects.root(sha), prefix)

    def blob(self, oid: str) -> bytes:
        """The bytes of a blob that `entries` or `changed_files` returned.

        Raises:
            RepositoryRefusedError: the blob is too large, or a Git LFS pointer.
        """
        with self._reading() as objects:
            return read_blob(objects, self._limits, bytes.fromhex(oid.rpartition(":")[2]), oid)

    def changed_files(self, old: str, new: str) -> tuple[FileDifference, ...]:
        """Every file that differs between two commits.

        The id of anything but a plain file (a link, a submodule, an executable) is prefixed with
        its mode, so that a change of the mode is a difference too. No name is rejected here; bytes
        that are not UTF-8 are escaped.

        Raises:
            RepositoryRefusedError: more differences than `Limits.ids`, or too deeply nested ones.
        """
        with self._reading() as objects:
            comparison = Comparison(objects, self._limits)
            return tuple(comparison.files(objects.root(old), objects.root(new)))

    def commit(
        self, parent: str, changes: Changes, *, message: str, author: Signature, at: datetime
    ) -> str:
        """Write one commit; see `commits`."""
        (sha,) = self.commits([NewCommit(parent, changes, message, author, at)])
        return sha

    def commits(self, commits: Iterable[NewCommit]) -> list[str]:
        """Write commits, signed if there is a key; return their ids. No ref is updated.

        Equal arguments give equal ids. Folders that become empty are removed; deleting a missing
        file has no effect.

        Raises:
            UnsafePathError: a path is not portable (see `renderers.tree.safe_join`).
            GitError: a path is both a file and a folder.
            RepositoryRefusedError: a changed folder has an unsupported entry.
            ValueError: a message or an author is not valid in a commit.
        """
        with self._reading() as objects:
            ids, draft = draft_commits(objects, commits, self._signer)
            if len(draft.objects) > MAX_LOOSE_OBJECTS:
                packs.store_pack(self._folder, draft.objects.values())
            else:
                for kind, raw in draft.objects.values():
                    self._opened().odb.write(kind, raw)
            return ids

    def last_changes(
        self, tip: str, folders: Mapping[K, tuple[str, ...]], limit: int = 20_000
    ) -> dict[K, CommitInfo]:
        """For each key, the newest first-parent commit of `tip` that changed one of its paths.

        Paths are folders or files. See `History.last_changes` for changes older than `limit`.
        """
        with self._reading() as objects:
            found = self._history.last_changes(objects, tip, folders.values(), limit)
            commits = {sha: read_commit(objects, sha) for sha in set(found.values())}
            return {key: commits[found[paths]] for key, paths in folders.items()}

    @contextmanager
    def _reading(self) -> Iterator[Objects]:
        with self._lock:
            try:
                yield Objects(self._opened())
            except (DamagedError, pygit2.GitError) as error:
                self._damaged = True
                raise TransientGitError(
                    f"the mirror of {self._repo} is damaged; the next fetch recreates it ({error})"
                ) from error

    def _opened(self) -> pygit2.Repository:
        if self._repository is None or not (self._folder / "HEAD").is_file():
            self._close()
            try:
                self._repository = _open(self._folder)
            except OSError as error:
                raise TransientGitError(
                    f"the mirror of {self._repo} cannot be written: {error.strerror}"
                ) from error
        return self._repository

    def _close(self) -> None:
        """Close the packs: libgit2 caches them by path and would miss a new pack of the same name.

        `free` closes them even if a reference to the repository remains, for example in the
        traceback of an exception.
        """
        if self._repository is not None:
            self._repository.free()
        self._repository = None

    def _repack(self) -> None:
        """Repack and prune; what was asked for before the last time may go too."""
        references = self._opened().references
        asked = [each for each in references if each.startswith(remote.REQUESTED)]
        for name in asked:
            if name not in self._asked:
                references.delete(name)
        self._asked.clear()
        self._ancestry.clear()
        self._close()
        packs.repack(self._folder, self._limits.unreachable_seconds)

    def _discard(self) -> None:
        self._close()
        self._damaged = False
        self._ancestry.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _is_intact(self) -> bool:
        """Whether the newest commit and root tree of every branch can be read.

        A mirror that cannot be opened is made anew at once, without branches.
        """
        if not all(map(_is_reference, self._folder.glob("refs/**/*"))):
            return False
        try:
            with self._reading() as objects:
                for sha in self.branches().values():
                    objects.listing(objects.root(sha))
        except GitError:
            return False
        return True


def _open(folder: Path) -> pygit2.Repository:
    """The bare repository in a folder, created if there is none that can be opened.

    What a killed process left is removed: its locks and half packs.
    """
    try:
        return _configured(folder)
    except (pygit2.GitError, KeyError, ValueError):
        shutil.rmtree(folder, ignore_errors=True)
        folder.unlink(missing_ok=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        pygit2.init_repository(str(folder), bare=True).free()
        return _configured(folder)


def _configured(folder: Path) -> pygit2.Repository:
    for left in (*_locks(folder), *folder.glob("objects/pack/tmp_*")):
        left.unlink(missing_ok=True)
    repository = pygit2.Repository(str(folder))
    repository.references.get("HEAD")
    repository.config["http.followRedirects"] = "false"
    return repository


def _is_reference(file: Path) -> bool:
    """Whether a file below `refs` names a commit; libgit2 lists none that was cut by a crash."""
    return file.is_dir() or _REFERENCE.fullmatch(file.read_bytes()) is not None


def _locks(folder: Path) -> list[Path]:
    """Lock files; no branch may have such a name."""
    return [
        *folder.glob("*.lock"),
        *folder.glob("refs/**/*.lock"),
        *folder.glob("objects/*/*.lock"),
    ]
