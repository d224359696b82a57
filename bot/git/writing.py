"""Deterministic commits: equal parent, files, message, author and time give an equal id.

Used by `Mirror.commit`. Only changed folders are rebuilt. All objects are created in memory; a few
are stored as loose objects, many (a change of the whole fleet) as one pack.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha1
from itertools import groupby
from typing import TypeAlias

from pygit2.enums import FileMode, ObjectType

from bot.git.errors import GitError
from bot.git.names import checked_name
from bot.git.objects import Entry, Objects, format_tree
from bot.git.signing import CommitSigner
from renderers.tree import safe_join

Changes: TypeAlias = Mapping[str, bytes | None]

_TYPES = {ObjectType.BLOB: b"blob", ObjectType.TREE: b"tree", ObjectType.COMMIT: b"commit"}


@dataclass(frozen=True, slots=True)
class Signature:
    """The author of a commit: name and e-mail address, without `<`, `>` and line breaks."""

    name: str
    email: str

    def at(self, moment: datetime) -> str:
        """The signature line of a commit, in UTC.

        Raises:
            ValueError: a character would end the field early.
        """
        if any(character in self.name + self.email for character in "<>\n\0"):
            raise ValueError(
                f"{self!r} is not a valid signature: it contains <, >, NUL or a line break"
            )
        return f"{self.name} <{self.email}> {int(moment.timestamp())} +0000"


@dataclass(slots=True)
class Draft:
    """New objects by raw id, in order of creation: type and bytes of each."""

    objects: dict[bytes, tuple[ObjectType, bytes]] = field(default_factory=dict)

    def add(self, kind: ObjectType, raw: bytes) -> bytes:
        """Add an object and return its raw id."""
        header = b"%s %d\0" % (_TYPES[kind], len(raw))
        oid = sha1(header + raw, usedforsecurity=False).digest()
        self.objects.setdefault(oid, (kind, raw))
        return oid


def draft_commit(
    objects: Objects,
    parent: str,
    changes: Changes,
    *,
    message: str,
    author: Signature,
    at: datetime,
    signer: CommitSigner | None = None,
) -> tuple[str, Draft]:
    """The id of a commit on `parent`, and all objects of it that may be new.

    The committer of a signed commit has the address of the signer.

    Raises:
        GitError: the parent does not exist, or a path is both a file and a folder.
        UnsafePathError: a path is not portable.
        RepositoryRefusedError: a changed folder has an unsupported entry.
        ValueError: the message or the author is not valid in a commit.
    """
    if "\0" in message or not message.strip():
        raise ValueError("a commit message must not be empty or contain NUL")
    for path in changes:
        safe_join(*path.split("/"))
    draft = Draft()
    tree = _TreeWriter(objects, draft).write(objects.root(parent), changes, "")
    committer = Signature(author.name, signer.email) if signer is not None else author
    head = f"tree {tree.hex()}\nparent {parent}\nauthor {author.at(at)}\n"
    head += f"committer {committer.at(at)}\n"
    text = "\n" + message.rstrip("\n") + "\n"
    if signer is not None:
        signature = signer.signature((head + text).encode())
        head += "gpgsig " + signature.replace("\n", "\n ") + "\n"
    return draft.add(ObjectType.COMMIT, (head + text).encode()).hex(), draft


@dataclass(frozen=True, slots=True)
class _TreeWriter:
    """Writes trees; equal changes of equal folders, as clusters have them, are written once."""

    objects: Objects
    draft: Draft
    written: dict[tuple[bytes | None, tuple[tuple[str, bytes | None], ...]], bytes] = field(
        default_factory=dict
    )

    def write(self, old: bytes | None, changes: Changes, folder: str) -> bytes:
        """Apply changes to the tree `old` and return the id of the new tree."""
        key = (old, tuple(changes.items()))
        if key not in self.written:
            self.written[key] = self._write(old, changes, folder)
        return self.written[key]

    def _write(self, old: bytes | None, changes: Changes, folder: str) -> bytes:
        entries = self._entries(old, folder)
        for change in _by_name(changes):
            path = f"{folder}{change.name.decode()}"
            if change.below:
                becomes_folder = change.file == [None]
                self._change_folder(
                    entries, change.name, change.below, path, becomes_folder=becomes_folder
                )
            for content in change.file:
                self._change_file(entries, change.name, content, path)
        return self.draft.add(ObjectType.TREE, format_tree(entries.items()))

    def _entries(self, tree: bytes | None, folder: str) -> dict[bytes, Entry]:
        entries = self.objects.listing(tree) if tree is not None else {}
        for name in entries:
            checked_name(name, folder)
        return entries

    def _change_folder(
        self,
        entries: dict[bytes, Entry],
        name: bytes,
        changes: Changes,
        path: str,
        *,
        becomes_folder: bool,
    ) -> None:
        old = entries.get(name)
        if old is not None and not old.is_tree:
            if all(content is None for content in changes.values()):
                return
            if not becomes_folder:
                raise GitError(f"{path} is a file, so it cannot contain files")
            old = None
        written = self.write(old.oid if old is not None else None, changes, f"{path}/")
        if self.draft.objects[written][1]:
            entries[name] = Entry(FileMode.TREE, written)
        else:
            entries.pop(name, None)

    def _change_file(
        self, entries: dict[bytes, Entry], name: bytes, content: bytes | None, path: str
    ) -> None:
        old = entries.get(name)
        if content is not None:
            if old is not None and old.is_tree:
                raise GitError(f"{path} is a folder, so it cannot be written as a file")
            entries[name] = Entry(FileMode.BLOB, self.draft.add(ObjectType.BLOB, content))
        elif old is not None and not old.is_tree:
            del entries[name]


@dataclass(frozen=True, slots=True)
class _EntryChange:
    """The changes of one entry: of a file with that name (at most one), and of files below it."""

    name: bytes
    file: list[bytes | None]
    below: Changes


def _by_name(changes: Changes) -> Iterator[_EntryChange]:
    """The changes, grouped by the first segment of their paths."""
    split = sorted((path.partition("/"), content) for path, content in changes.items())
    for name, group in groupby(split, key=lambda item: item[0][0]):
        file: list[bytes | None] = []
        below: dict[str, bytes | None] = {}
        for (_, slash, rest), content in group:
            if slash:
                below[rest] = content
            else:
                file.append(content)
        yield _EntryChange(name.encode(), file, below)
