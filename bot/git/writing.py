"""Deterministic commits: the same parent, files, message, author and time give the same id.

Used by `Mirror.commit`. Only the folders that change are rebuilt. Every object is made in memory;
few are stored one by one, many (a change of the whole fleet) as one pack.
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
from renderers.tree import safe_join

Changes: TypeAlias = Mapping[str, bytes | None]

_TYPES = {ObjectType.BLOB: b"blob", ObjectType.TREE: b"tree", ObjectType.COMMIT: b"commit"}


@dataclass(frozen=True, slots=True)
class Signature:
    """Who wrote a commit: a name and an e-mail address, without `<`, `>` and line breaks."""

    name: str
    email: str

    def at(self, moment: datetime) -> str:
        """As a commit holds it, in UTC.

        Raises:
            ValueError: a character that would end the field early.
        """
        if any(sign in self.name + self.email for sign in "<>\n\0"):
            raise ValueError(f"{self!r} cannot sign a commit: it holds <, >, NUL or a line break")
        return f"{self.name} <{self.email}> {int(moment.timestamp())} +0000"


@dataclass(slots=True)
class Draft:
    """New objects by raw id, in the order they were made: each with its type and bytes."""

    objects: dict[bytes, tuple[ObjectType, bytes]] = field(default_factory=dict)

    def add(self, kind: ObjectType, raw: bytes) -> bytes:
        """Keep an object; its raw id."""
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
) -> tuple[str, Draft]:
    """The id of a commit on `parent`, and the objects it needs that may be new.

    Raises:
        GitError: there is no such parent, or a path is both a file and a folder.
        UnsafePathError: a path has a segment that must not be written.
        RepositoryRefusedError: a folder that changes holds a name that is not followed.
        ValueError: the message or the author cannot stand in a commit.
    """
    if "\0" in message or not message.strip():
        raise ValueError("a commit message needs text, and holds no NUL character")
    for path in changes:
        safe_join(*path.split("/"))
    draft = Draft()
    tree = _TreeWriter(objects, draft).write(objects.root(parent), changes, "")
    signature = author.at(at)
    head = f"tree {tree.hex()}\nparent {parent}\nauthor {signature}\ncommitter {signature}\n\n"
    text = message.rstrip("\n") + "\n"
    return draft.add(ObjectType.COMMIT, (head + text).encode()).hex(), draft


@dataclass(frozen=True, slots=True)
class _TreeWriter:
    objects: Objects
    draft: Draft

    def write(self, old: bytes | None, changes: Changes, folder: str) -> bytes:
        """The id of a tree with the changes made; `old` is the tree they are made on."""
        entries = self._entries(old, folder)
        for name, own, below in _by_name(changes):
            path = f"{folder}{name.decode()}"
            if below:
                self._change_folder(entries, name, below, path, becomes_folder=own == [None])
            for content in own:
                self._change_file(entries, name, content, path)
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
                raise GitError(f"{path} is a file, so no file can be written below it")
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
                raise GitError(f"{path} is a folder with files, so it cannot be written as a file")
            entries[name] = Entry(FileMode.BLOB, self.draft.add(ObjectType.BLOB, content))
        elif old is not None and not old.is_tree:
            del entries[name]


def _by_name(changes: Changes) -> Iterator[tuple[bytes, list[bytes | None], Changes]]:
    """For each first segment: the change of the file of that name, and those below it."""
    split = sorted((path.partition("/"), content) for path, content in changes.items())
    for name, group in groupby(split, key=lambda item: item[0][0]):
        own: list[bytes | None] = []
        below: dict[str, bytes | None] = {}
        for (_, slash, rest), content in group:
            if slash:
                below[rest] = content
            else:
                own.append(content)
        yield name.encode(), own, below
