"""A mirror: the bare repository of one that is watched. The shell calls it in threads."""

import shutil
import threading
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pygit2

from bot.git import packs, remote
from bot.git.errors import DamagedError, GitError, TransientGitError
from bot.git.history import CommitInfo, History, read_authors, read_commit
from bot.git.limits import Limits
from bot.git.objects import Objects
from bot.git.reading import Comparison, FileDifference, Walk, read_blob, read_files
from bot.git.writing import Changes, Signature, draft_commit
from planners.model import Repo

FEW_OBJECTS = 200
MOST_AUTHORED = 1_000

K = TypeVar("K", bound=Hashable)


class Mirror:
    """A bare repository; one thread at a time works in it, others wait.

    A mirror is a cache. One that is gone is made anew when it is next used, one that is damaged at
    the next fetch; a method that meets the damage raises TransientGitError. Methods that take a
    commit's id raise GitError when it is not here.
    """

    def __init__(self, repo: Repo, folder: Path, limits: Limits, *, allow_local: bool) -> None:
        self._repo = repo
        self._folder = folder
        self._limits = limits
        self._allow_local = allow_local
        self._lock = threading.RLock()
        self._repository: pygit2.Repository | None = None
        self._damaged = False
        self._history = History()

    def fetch(self, url: str, access: remote.Access | None) -> None:
        """Fetch all branches; those that are gone on the server vanish here too.

        Raises:
            TransientGitError: the server is unreachable, busy, or broke off.
            GitError: the address or the server's answer rules a fetch out, or it is too large.
        """
        remote.check_url(url, access, allow_local=self._allow_local)
        with self._lock:
            if self._damaged:
                self._discard()
            try:
                remote.fetch(self._opened(), url, access, self._limits)
            except GitError:
                if self._sound():
                    raise
                self._discard()
                remote.fetch(self._opened(), url, access, self._limits)
            if packs.repack_when_many(self._folder, self._limits.packs):
                self._close()

    def fetch_ref(self, url: str, access: remote.Access | None, ref: str) -> str:
        """Fetch one ref that is no branch; the commit it points at.

        Raises:
            TransientGitError, GitError: as `fetch`.
        """
        remote.check_url(url, access, allow_local=self._allow_local)
        with self._lock:
            return remote.fetch_ref(self._opened(), url, access, (ref, self._limits))

    def push(
        self,
        url: str,
        access: remote.Access | None,
        updates: Mapping[str, tuple[str | None, str | None]],
    ) -> dict[str, str | None]:
        """Push branches together: name -> (new id or None to delete, id the server must have).

        For each None, or why it was refused: the server's words, or `stale: ...` where the server
        has another commit than expected. A branch that is already as wanted is left alone and fine.

        Raises:
            TransientGitError, GitError: as `fetch`; nothing is known of any branch then.
        """
        remote.check_url(url, access, allow_local=self._allow_local)
        with self._lock:
            return remote.push(self._opened(), url, access, updates)

    def head(self, branch: str) -> str | None:
        """The newest fetched commit of a branch."""
        with self._reading():
            try:
                reference = self._opened().references.get(remote.REMOTE + branch)
            except ValueError:  # the name is none that Git allows, so there is no such branch
                return None
            return str(reference.target) if reference is not None else None

    def branches(self, prefix: str = "") -> dict[str, str]:
        """Fetched branches whose name begins so, each with its newest commit."""
        start = remote.REMOTE + prefix
        with self._reading():
            references = self._opened().references
            return {
                name.removeprefix(remote.REMOTE): str(references[name].target)
                for name in sorted(references)
                if name.startswith(start)
            }

    def contains(self, tip: str, commit: str) -> bool:
        """Whether `commit` is `tip` or an ancestor of it; False for any id that is not here."""
        with self._reading() as objects:
            known = objects.find_commit(tip), objects.find_commit(commit)
            return None not in known and (
                tip == commit or bool(self._opened().descendant_of(tip, commit))
            )

    def commit_info(self, sha: str) -> CommitInfo:
        """A commit as a value. Raises RepositoryRefusedError when it is malformed."""
        with self._reading() as objects:
            return read_commit(objects, sha)

    def authors(self, tip: str, known: Iterable[str]) -> frozenset[str]:
        """E-mail addresses of everybody who had a hand in `tip` since any of the `known` commits.

        See `history.read_authors`; never empty.
        """
        with self._reading() as objects:
            return read_authors(self._opened(), objects, tip, known, MOST_AUTHORED)

    def folders(self, sha: str, path: str) -> tuple[str, ...]:
        """The names of the folders directly in a folder, sorted; empty when it is not there.

        Raises:
            RepositoryRefusedError: a name that is not followed.
        """
        with self._reading() as objects:
            return tuple(Walk(objects, self._limits, self._limits.ids).folders(sha, path))

    def entries(self, sha: str, prefixes: Iterable[str] = ("",)) -> dict[str, str]:
        """Path -> blob id of every file at or below the prefixes; missing ones are skipped.

        Raises:
            RepositoryRefusedError: an entry that is not followed, or more than `Limits.ids`.
        """
        with self._reading() as objects:
            walk = Walk(objects, self._limits, self._limits.ids)
            return {path: oid.hex() for path, oid in walk.files(objects.root(sha), prefixes)}

    def files(self, sha: str, prefix: str = "") -> dict[str, bytes]:
        """Path below the prefix -> bytes of every file.

        Raises:
            RepositoryRefusedError: an entry that is not followed, or more than the limits.
        """
        with self._reading() as objects:
            return read_files(objects, self._limits, objects.root(sha), prefix)

    def blob(self, oid: str) -> bytes:
        """The bytes of a blob that `entries` or `changed_files` named.

        Raises:
            RepositoryRefusedError: it is too large, or a pointer of Git LFS.
        """
        with self._reading() as objects:
            return read_blob(objects, self._limits, bytes.fromhex(oid.rpartition(":")[2]), oid)

    def changed_files(self, old: str, new: str) -> tuple[FileDifference, ...]:
        """Path, blob id before and after of every file that differs between two commits.

        None where there is no file. The id of anything but a plain file (a link, a submodule, an
        executable) has its mode before it, so that a change of the mode alone shows as well. Names
        are never refused here, but shown with escapes where they are not UTF-8.

        Raises:
            RepositoryRefusedError: more differences than `Limits.ids`, or too deep ones.
        """
        with self._reading() as objects:
            comparison = Comparison(objects, self._limits)
            return tuple(comparison.files(objects.root(old), objects.root(new)))

    def commit(
        self, parent: str, changes: Changes, *, message: str, author: Signature, at: datetime
    ) -> str:
        """Write a commit on `parent`: path -> bytes to write, or None to delete. No ref moves.

        The same arguments give the same id. Folders that become empty vanish; deleting what is not
        there does nothing.

        Raises:
            UnsafePathError: a path that must not be written (see `renderers.tree.safe_join`).
            GitError: a path is both a file and a folder.
            RepositoryRefusedError: a folder that changes holds a name that is not followed.
            ValueError: the message or the author cannot stand in a commit.
        """
        with self._reading() as objects:
            sha, draft = draft_commit(
                objects, parent, changes, message=message, author=author, at=at
            )
            if len(draft.objects) > FEW_OBJECTS:
                packs.store_pack(self._folder, draft.objects.values())
            else:
                for kind, raw in draft.objects.values():
                    self._opened().odb.write(kind, raw)
            return sha

    def last_changes(
        self, tip: str, folders: Mapping[K, tuple[str, ...]], limit: int = 20_000
    ) -> dict[K, CommitInfo]:
        """For each key the newest commit of `tip`'s first-parent line that changed its paths.

        Paths are of folders or files. See `History.last_changes` for what is older than `limit`.
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
                    f"the mirror of {self._repo} is damaged; the next fetch makes it anew ({error})"
                ) from error

    def _opened(self) -> pygit2.Repository:
        if self._repository is None or not (self._folder / "HEAD").is_file():
            self._close()
            self._repository = _open(self._folder)
        return self._repository

    def _close(self) -> None:
        """Let go of the packs: libgit2 shares them by path, so a new one of an old name is missed.

        Setting the repository free does not wait for the last reference to it, which an exception's
        traceback may hold.
        """
        if self._repository is not None:
            self._repository.free()
        self._repository = None

    def _discard(self) -> None:
        self._close()
        self._damaged = False
        shutil.rmtree(self._folder, ignore_errors=True)

    def _sound(self) -> bool:
        """Whether every branch's newest commit and its top folder can be read."""
        try:
            with self._reading() as objects:
                for sha in self.branches().values():
                    objects.listing(objects.root(sha))
        except GitError:
            return False
        return True


def _open(folder: Path) -> pygit2.Repository:
    """The bare repository in a folder, made anew where there is none that can be opened.

    What an earlier process left locked when it was killed is unlocked.
    """
    try:
        repository = pygit2.Repository(str(folder))
    except pygit2.GitError:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        repository = pygit2.init_repository(str(folder), bare=True)
    for lock in (*folder.glob("*.lock"), *folder.glob("refs/**/*.lock")):
        lock.unlink()
    repository.config["http.followRedirects"] = "false"
    return repository
