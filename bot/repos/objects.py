"""Git objects as values, and trees read within limits."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pygit2
from pygit2.enums import FileMode

from bot.repos.errors import GitError, RepositoryRefusedError

MAX_ENTRIES = 50_000
MAX_DEPTH = 50
MAX_BLOB = 1024 * 1024
MAX_TOTAL = 64 * 1024 * 1024
_TRAILER = re.compile(r"^([A-Za-z][A-Za-z0-9-]*): (.*)$")
_LFS = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True)
class Signature:
    """A name and an e-mail address."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit; `trailers` stand in the last paragraph of its message (git-interpret-trailers)."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    committer_email: str
    at: datetime
    message: str
    trailers: Mapping[str, str] = field(default_factory=dict)


def read_commit(repository: pygit2.Repository, sha: str) -> CommitInfo:
    """The commit of that id.

    Raises:
        GitError: there is none.
    """
    commit = find(repository, sha)
    if not isinstance(commit, pygit2.Commit):
        raise GitError(f"{sha[:12]} is not a commit here")
    return CommitInfo(
        sha=str(commit.id),
        tree=str(commit.tree_id),
        parents=tuple(str(parent) for parent in commit.parent_ids),
        author_name=commit.author.name,
        author_email=commit.author.email,
        committer_email=commit.committer.email,
        at=datetime.fromtimestamp(commit.commit_time, UTC),
        message=commit.message,
        trailers=_trailers(commit.message),
    )


def find(repository: pygit2.Repository, sha: str) -> object | None:
    """The object of that full id, or None."""
    try:
        return repository.get(sha)
    except ValueError:
        return None


def _trailers(message: str) -> dict[str, str]:
    last = message.rstrip().rpartition("\n\n")[2]
    found = [_TRAILER.match(line) for line in last.split("\n")]
    return {match[1]: match[2] for match in found if match}


def subtree(repository: pygit2.Repository, tree: pygit2.Tree, path: str) -> pygit2.Object | None:
    """What stands at a path of a tree, or None."""
    found: pygit2.Object = tree
    for part in path.split("/") if path else []:
        if not isinstance(found, pygit2.Tree) or part not in found:
            return None
        found = repository[found[part].id]
    return found


@dataclass(slots=True)
class Walk:
    """Walks trees, each entry counted against one budget."""

    repository: pygit2.Repository
    entries: int = 0

    def files(self, tree: pygit2.Tree, prefix: str, depth: int = 0) -> Iterator[tuple[str, str]]:
        """Path and blob id of every regular file.

        Raises:
            RepositoryRefusedError: a name or kind of entry that is not followed, or too many.
        """
        if depth > MAX_DEPTH:
            raise RepositoryRefusedError(f"{prefix}: deeper than {MAX_DEPTH} folders")
        folded: set[str] = set()
        for entry in tree:
            path = f"{prefix}{_name(entry, prefix)}"
            self._count(path)
            if path.casefold() in folded:
                raise RepositoryRefusedError(f"{path}: two names that differ only in case")
            folded.add(path.casefold())
            match entry.filemode:
                case FileMode.TREE:
                    child = self.repository[entry.id]
                    assert isinstance(child, pygit2.Tree)
                    yield from self.files(child, f"{path}/", depth + 1)
                case FileMode.BLOB | FileMode.BLOB_EXECUTABLE:
                    yield path, str(entry.id)
                case FileMode.LINK:
                    raise RepositoryRefusedError(f"{path}: a symbolic link; put a file there")
                case _:
                    raise RepositoryRefusedError(f"{path}: a submodule; copy its files there")

    def _count(self, path: str) -> None:
        self.entries += 1
        if self.entries > MAX_ENTRIES:
            raise RepositoryRefusedError(f"{path}: more than {MAX_ENTRIES} entries")


def _name(entry: pygit2.Object, prefix: str) -> str:
    """The entry's name, if it is one that may be followed (gitnamespaces, CVE-2014-9390)."""
    try:
        name = entry.raw_name.decode("utf-8") if entry.raw_name is not None else ""
    except UnicodeDecodeError as error:
        raise RepositoryRefusedError(f"{prefix}: a name that is not UTF-8") from error
    if name in {"", ".", ".."} or "/" in name or "\\" in name or name.lower() in {".git", "git~1"}:
        raise RepositoryRefusedError(f"{prefix}{name!r}: a name that is not followed")
    if any(ord(character) < 32 or ord(character) == 127 for character in name):  # noqa: PLR2004 - ASCII's control characters
        raise RepositoryRefusedError(f"{prefix}{name!r}: a control character in a name")
    return name


def read_blob(repository: pygit2.Repository, oid: str, path: str = "") -> bytes:
    """The bytes of a blob.

    Raises:
        RepositoryRefusedError: it is larger than 1 MiB, or a pointer to large file storage.
        GitError: there is none.
    """
    blob = find(repository, oid)
    if not isinstance(blob, pygit2.Blob):
        raise GitError(f"{oid[:12]} is not a file here")
    if blob.size > MAX_BLOB:
        raise RepositoryRefusedError(f"{path or oid}: larger than {MAX_BLOB} bytes")
    data: bytes = blob.data
    if data.startswith(_LFS):
        raise RepositoryRefusedError(f"{path or oid}: a Git LFS pointer; put the file itself there")
    return data
