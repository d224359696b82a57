"""Reads trees within limits: lists files, reads their content, and compares trees.

Used by `Mirror`. A walk counts entries before it reads any content: ten levels of a shared tree
with ten entries are ten thousand million files (a tree bomb).
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from pygit2.enums import FileMode

from bot.git.errors import RepositoryRefusedError
from bot.git.limits import Limits
from bot.git.names import checked_name, folded
from bot.git.objects import Entry, Objects, RawEntry, by_name
from renderers.tree import NOT_FOLLOWED, PartialTree

Wanted: TypeAlias = "dict[bytes, Wanted] | None"


class FileDifference(NamedTuple):
    """A file that differs: its path, and its blob id before and after (None: no file)."""

    path: str
    old: str | None
    new: str | None


class _EntryDifference(NamedTuple):
    """An entry that differs between two folders: its file as in FileDifference, and its trees."""

    name: str
    old: str | None
    new: str | None
    trees: tuple[bytes | None, bytes | None] | None


KEPT_FOLDERS = 4_096
"""How many pairs of folders a comparison remembers."""

_GROUP_WRITABLE = 0o100664
_FILES: frozenset[int] = frozenset({FileMode.BLOB, FileMode.BLOB_EXECUTABLE, _GROUP_WRITABLE})
_KINDS: dict[int, str] = {FileMode.LINK: "symbolic links", FileMode.COMMIT: "submodules"}
_LFS = b"version https://git-lfs.github.com/spec/"


class Walk:
    """One walk with a limit on its entries; a shared tree is read and checked once.

    With `passed`, links and submodules are put there, by path, instead of being refused.
    """

    def __init__(
        self,
        objects: Objects,
        limits: Limits,
        max_entries: int,
        passed: dict[str, str] | None = None,
    ) -> None:
        self._objects = objects
        self._limits = limits
        self._max_entries = max_entries
        self._left = max_entries
        self._passed = passed
        self._checked: dict[bytes, tuple[tuple[str, Entry], ...]] = {}

    def files(self, root: bytes, prefixes: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """(path, raw blob id) of every regular file at or below one of the prefixes.

        Raises:
            RepositoryRefusedError: an unsupported entry, or a limit is exceeded.
        """
        yield from self._selected(root, _wanted(prefixes), "", 0)

    def folders(self, sha: str, path: str) -> Iterator[str]:
        """The names of the direct subfolders of the folder at `path` of a commit."""
        entry = self._objects.at(sha, path)
        if entry is None or not entry.is_tree:
            return
        for name, child in self._names(entry.oid, f"{path}/"):
            if child.is_tree:
                yield name

    def _selected(
        self, tree: bytes, wanted: Wanted, folder: str, depth: int
    ) -> Iterator[tuple[str, bytes]]:
        if wanted is None:
            yield from self._below(tree, folder, depth)
            return
        listing = self._objects.listing(tree)
        for name, rest in wanted.items():
            entry = listing.get(name)
            if entry is None:
                continue
            path = folder + checked_name(name, folder)
            if entry.is_tree:
                yield from self._selected(entry.oid, rest, f"{path}/", depth + 1)
            elif rest is None:
                yield from self._file(path, entry)

    def _below(self, tree: bytes, folder: str, depth: int) -> Iterator[tuple[str, bytes]]:
        if depth > self._limits.depth:
            raise RepositoryRefusedError(
                f"{folder}: nested deeper than {self._limits.depth} folders"
            )
        for name, entry in self._names(tree, folder):
            if entry.is_tree:
                self._count(folder + name)
                yield from self._below(entry.oid, f"{folder}{name}/", depth + 1)
            else:
                yield from self._file(folder + name, entry)

    def _names(self, tree: bytes, folder: str) -> tuple[tuple[str, Entry], ...]:
        known = self._checked.get(tree)
        if known is not None:
            return known
        seen: dict[str, str] = {}
        found = []
        for raw, entry in self._objects.listing(tree).items():
            name = checked_name(raw, folder)
            other = seen.setdefault(folded(name), name)
            if other != name:
                raise RepositoryRefusedError(f"{folder}{name}: differs from {other!r} only in case")
            found.append((name, entry))
        self._checked[tree] = tuple(found)
        return self._checked[tree]

    def _file(self, path: str, entry: Entry) -> Iterator[tuple[str, bytes]]:
        self._count(path)
        if self._passed is not None and entry.mode in _KINDS:
            self._passed[path] = NOT_FOLLOWED
            return
        if entry.mode not in _FILES:
            kind = _KINDS.get(entry.mode, "special files")
            raise RepositoryRefusedError(f"{path}: {kind} are not supported; use a regular file")
        yield path, entry.oid

    def _count(self, path: str) -> None:
        self._left -= 1
        if self._left < 0:
            raise RepositoryRefusedError(f"{path}: more than {self._max_entries} files and folders")
        if len(path.encode()) > self._limits.path:
            raise RepositoryRefusedError(
                f"{path}: the path is longer than {self._limits.path} bytes"
            )


def _wanted(prefixes: Iterable[str]) -> Wanted:
    """The prefixes as nested names; None selects everything below."""
    root: dict[bytes, Wanted] = {}
    for prefix in prefixes:
        parts = prefix.strip("/").encode().split(b"/")
        if parts == [b""]:
            return None
        node: Wanted = root
        for part in parts[:-1]:
            node = node.setdefault(part, {}) if node is not None else None
        if node is not None:
            node[parts[-1]] = None
    return root


def read_files(objects: Objects, limits: Limits, root: bytes, prefix: str) -> PartialTree:
    """Path below `prefix` -> bytes of every regular file.

    Files beyond a limit, links and submodules stay unread.

    Raises:
        RepositoryRefusedError: see `Walk.files`.
    """
    start = f"{prefix.strip('/')}/".lstrip("/")
    total = 0
    found: dict[str, bytes] = {}
    unread: dict[str, str] = {}
    passed: dict[str, str] = {}
    shared: dict[bytes, bytes] = {}
    for path, oid in Walk(objects, limits, limits.entries, passed).files(root, (prefix,)):
        name = path.removeprefix(start)
        if limits.blob >= objects.size(oid) > limits.total - total:
            unread[name] = f"is not read: the files exceed {limits.total} bytes in total"
            continue
        try:
            shared[oid] = shared[oid] if oid in shared else read_blob(objects, limits, oid, path)
        except RepositoryRefusedError as error:
            unread[name] = str(error).removeprefix(f"{path}: ")
            continue
        total += len(shared[oid])
        found[name] = shared[oid]
    unread |= {path.removeprefix(start): reason for path, reason in passed.items()}
    return PartialTree(found, unread)


def read_blob(objects: Objects, limits: Limits, oid: bytes, name: str) -> bytes:
    """The bytes of a file.

    Raises:
        RepositoryRefusedError: the file is too large, or a Git LFS pointer.
    """
    if objects.size(oid) > limits.blob:
        raise RepositoryRefusedError(f"{name}: the file is larger than {limits.blob} bytes")
    _, content = objects.read(oid)
    if content.startswith(_LFS):
        raise RepositoryRefusedError(f"{name}: Git LFS is not supported; commit the file itself")
    return content


class Comparison:
    """The differences between two trees. Names are only displayed, so none is rejected.

    Folders that change alike, as those of clusters do, are compared once.
    """

    def __init__(self, objects: Objects, limits: Limits) -> None:
        self._objects = objects
        self._limits = limits
        self._left = limits.ids
        self._known: dict[tuple[bytes | None, bytes | None], tuple[_EntryDifference, ...]] = {}

    def files(
        self, old: bytes | None, new: bytes | None, folder: str = "", depth: int = 0
    ) -> Iterator[FileDifference]:
        """Each file that differs; see `Mirror.changed_files`."""
        if depth > self._limits.depth:
            raise RepositoryRefusedError(
                f"{folder}: nested deeper than {self._limits.depth} folders"
            )
        different = self._compared(old, new)
        self._left -= len(different)
        if self._left < 0:
            raise RepositoryRefusedError(f"{folder}: more than {self._limits.ids} differences")
        for name, was, now, trees in different:
            path = folder + name
            if was != now:
                yield FileDifference(path, was, now)
            if trees is not None:
                yield from self.files(*trees, f"{path}/", depth + 1)

    def _compared(self, old: bytes | None, new: bytes | None) -> tuple[_EntryDifference, ...]:
        found = self._known.get((old, new))
        if found is None:
            if len(self._known) >= KEPT_FOLDERS:
                self._known.clear()
            found = self._known[old, new] = tuple(self._compare(old, new))
        return found

    def _compare(self, old: bytes | None, new: bytes | None) -> Iterator[_EntryDifference]:
        before, after = self._entries(old), self._entries(new)
        removed, added = by_name(before - after), by_name(after - before)
        for name in sorted({*removed, *added}):
            was, now = removed.get(name), added.get(name)
            trees = _tree_of(was), _tree_of(now)
            yield _EntryDifference(
                name.decode(errors="backslashreplace"),
                _shown(was),
                _shown(now),
                trees if trees != (None, None) else None,
            )

    def _entries(self, tree: bytes | None) -> set[RawEntry]:
        return set(self._objects.raw_entries(tree)) if tree is not None else set()


def _tree_of(entry: Entry | None) -> bytes | None:
    return entry.oid if entry is not None and entry.is_tree else None


def _shown(entry: Entry | None) -> str | None:
    """The blob id of a plain file; other entries have their mode as prefix, folders have None."""
    if entry is None or entry.is_tree:
        return None
    plain = entry.mode == FileMode.BLOB
    return entry.oid.hex() if plain else f"{entry.mode:o}:{entry.oid.hex()}"
