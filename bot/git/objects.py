"""Git objects by id: commits, trees and blobs of one mirror. Used by the whole package.

Trees are read and written as raw bytes: that is several times faster than an object per entry, and
the path checks see exactly the bytes that Git stores.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

import pygit2
from pygit2.enums import FileMode, ObjectType

from bot.git.errors import DamagedError, GitError, RepositoryRefusedError

_FULL_ID = re.compile(r"[0-9a-f]{40}")
_ENTRY = re.compile(rb"([0-7]+) ([^\0]*)\0(.{20})", re.DOTALL)
_AROUND = 22
"""Bytes of an entry beside its mode and name: a space, NUL, and the raw id."""


class Entry(NamedTuple):
    """An entry of a tree: Git's file mode and the raw object id."""

    mode: int
    oid: bytes

    @property
    def is_tree(self) -> bool:
        """Whether it is a folder."""
        return self.mode == FileMode.TREE


Listing: TypeAlias = Mapping[bytes, Entry]
RawEntry: TypeAlias = tuple[bytes, bytes, bytes]
"""Mode, name and raw id."""


def parse_tree(raw: bytes) -> dict[bytes, Entry]:
    """A tree's entries by name.

    Raises:
        ValueError: the bytes are not a tree, or a name appears twice.
    """
    return by_name(raw_entries(raw))


def by_name(entries: Iterable[RawEntry]) -> dict[bytes, Entry]:
    """Entries of one tree by name."""
    return {name: Entry(int(mode, 8), oid) for mode, name, oid in entries}


def raw_entries(raw: bytes) -> list[RawEntry]:
    """The entries of a tree as they are stored. Raises as `parse_tree`."""
    found: list[RawEntry] = _ENTRY.findall(raw)
    names = [name for _, name, _ in found]
    size = sum(map(len, names)) + sum([len(mode) for mode, _, _ in found])
    if size + _AROUND * len(found) != len(raw):
        raise ValueError("an entry is truncated or has no valid mode")
    if len(set(names)) != len(names):
        ((twice, _),) = Counter(names).most_common(1)
        raise ValueError(f"entry {twice!r} appears twice")
    return found


def in_order(entries: Listing) -> dict[bytes, Entry]:
    """The entries in Git's order, which sorts names as if those of folders ended with a slash."""
    return dict(sorted(entries.items(), key=lambda item: item[0] + b"/" * item[1].is_tree))


def format_tree(entries: Listing) -> bytes:
    """The bytes of a tree; its entries are in Git's order."""
    return b"".join([b"%o %s\0%s" % (mode, name, oid) for name, (mode, oid) in entries.items()])


class Objects:
    """The objects of one mirror. A missing object of a known commit means that it is damaged."""

    def __init__(self, repository: pygit2.Repository) -> None:
        self._repository = repository

    def find_commit(self, sha: str) -> pygit2.Commit | None:
        """The commit with that full id, or None; for ids from outside.

        Raises:
            RepositoryRefusedError: the commit is malformed.
        """
        if not _FULL_ID.fullmatch(sha):
            return None
        try:
            found = self._repository.get(sha)
        except pygit2.GitError as error:
            self.read(bytes.fromhex(sha))
            raise RepositoryRefusedError(f"object {sha} is malformed ({error})") from error
        return found if isinstance(found, pygit2.Commit) else None

    def commit(self, sha: str) -> pygit2.Commit:
        """The commit with that full id.

        Raises:
            GitError: the mirror has no such commit.
            RepositoryRefusedError: the commit is malformed.
        """
        found = self.find_commit(sha)
        if found is None:
            raise GitError(f"{sha!r} is not a commit of this mirror; fetch the repository first")
        return found

    def root(self, sha: str) -> bytes:
        """The raw id of a commit's tree. Raises as `commit`."""
        return bytes(self.commit(sha).tree_id.raw)

    def at(self, sha: str, path: str) -> Entry | None:
        """What is at a path of a commit; the root folder if it is empty."""
        entry = Entry(FileMode.TREE, self.root(sha))
        for part in filter(None, path.encode().split(b"/")):
            found = self.listing(entry.oid).get(part) if entry.is_tree else None
            if found is None:
                return None
            entry = found
        return entry

    def listing(self, oid: bytes) -> dict[bytes, Entry]:
        """A tree's entries by name. Raises as `raw_entries`."""
        return by_name(self.raw_entries(oid))

    def raw_entries(self, oid: bytes) -> list[RawEntry]:
        """A tree's entries as they are stored.

        Raises:
            RepositoryRefusedError: the tree is malformed.
        """
        kind, raw = self.read(oid)
        try:
            if kind != ObjectType.TREE:
                raise ValueError("not a tree")  # noqa: TRY301 - handled like any malformed tree
            return raw_entries(raw)
        except ValueError as error:
            raise RepositoryRefusedError(f"tree {oid.hex()} is malformed: {error}") from error

    def size(self, oid: bytes) -> int:
        """The size of a blob in bytes, without reading its content."""
        try:
            _, size = self._repository.odb.read_header(pygit2.Oid(raw=oid))
        except (KeyError, pygit2.GitError) as error:
            raise DamagedError(f"object {oid.hex()}: {error}") from error
        return int(size)

    def read(self, oid: bytes) -> tuple[int, bytes]:
        """An object's type and bytes."""
        try:
            kind, raw = self._repository.odb.read(pygit2.Oid(raw=oid))
        except (KeyError, pygit2.GitError) as error:
            raise DamagedError(f"object {oid.hex()}: {error}") from error
        return int(kind), raw
