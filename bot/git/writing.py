"""Deterministic commits: equal parent, files, message, author and time give an equal id.

Used by `Mirror.commit`. Only changed folders are rebuilt. All objects are created in memory; a few
are stored as loose objects, many (a change of the whole fleet) as one pack.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha1
from operator import itemgetter
from typing import TypeAlias

from pygit2.enums import FileMode, ObjectType

from bot.git.errors import GitError
from bot.git.names import checked_name
from bot.git.objects import Entry, Listing, Objects, format_tree, in_order
from bot.git.signing import CommitSigner
from renderers.tree import MAX_SEGMENTS, safe_join

Changes: TypeAlias = Mapping[str, bytes | None]
_Paths: TypeAlias = tuple[tuple[str, bytes | None], ...]

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


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit to write on `parent`; its changes map a path to new bytes, or to None: delete it."""

    parent: str
    changes: Changes
    message: str
    author: Signature
    at: datetime


def draft_commits(
    objects: Objects, commits: Iterable[NewCommit], signer: CommitSigner | None = None
) -> tuple[list[str], Draft]:
    """The ids of commits, and all objects of them that may be new.

    Folders that several commits change in the same way are written once. The committer of a signed
    commit has the address of the signer.

    Raises:
        GitError: a parent does not exist, or a path is both a file and a folder.
        UnsafePathError: a path is not portable.
        RepositoryRefusedError: a changed folder has an unsupported entry.
        ValueError: a message or an author is not valid in a commit.
    """
    draft = Draft()
    writer = _TreeWriter(objects, draft)
    return [_draft_commit(writer, each, signer) for each in commits], draft


def _draft_commit(writer: "_TreeWriter", new: NewCommit, signer: CommitSigner | None) -> str:
    if "\0" in new.message or not new.message.strip():
        raise ValueError("a commit message must not be empty or contain NUL")
    for path in new.changes:
        if path.count("/") >= MAX_SEGMENTS:
            safe_join(*path.split("/"))
    edit = writer.edit(tuple(sorted(new.changes.items(), key=itemgetter(0))))
    tree = writer.write(writer.objects.root(new.parent), edit, "")
    author, at = new.author, new.at
    committer = Signature(author.name, signer.email) if signer is not None else author
    head = f"tree {tree.hex()}\nparent {new.parent}\nauthor {author.at(at)}\n"
    head += f"committer {committer.at(at)}\n"
    text = "\n" + new.message.rstrip("\n") + "\n"
    if signer is not None:
        signature = signer.signature((head + text).encode())
        head += "gpgsig " + signature.replace("\n", "\n ") + "\n"
    return writer.draft.add(ObjectType.COMMIT, (head + text).encode()).hex()


@dataclass(frozen=True, slots=True, eq=False)
class _Edit:
    """What changes in a folder: files by name (None: deleted), and folders. Equal ones are one."""

    files: Mapping[bytes, bytes | None]
    folders: Mapping[bytes, "_Edit"]


@dataclass(frozen=True, slots=True)
class _TreeWriter:
    """Writes trees; equal edits of equal folders, as clusters have them, are written once."""

    objects: Objects
    draft: Draft
    _edits: dict[_Paths, _Edit] = field(default_factory=dict)
    _written: dict[tuple[bytes | None, _Edit], bytes] = field(default_factory=dict)
    _listings: dict[bytes, Listing] = field(default_factory=dict)

    def edit(self, changes: _Paths) -> _Edit:
        """The same changes, as an edit of the folder that the paths begin in.

        Each name in it is checked.
        """
        found = self._edits.get(changes)
        if found is None:
            files: dict[bytes, bytes | None] = {}
            below: dict[str, list[tuple[str, bytes | None]]] = {}
            for path, content in changes:
                name, slash, rest = path.partition("/")
                if slash:
                    below.setdefault(name, []).append((rest, content))
                else:
                    files[safe_join(name).encode()] = content
            folders = {
                safe_join(name).encode(): self.edit(tuple(each)) for name, each in below.items()
            }
            found = self._edits[changes] = _Edit(files, folders)
        return found

    def write(self, old: bytes | None, edit: _Edit, folder: str) -> bytes:
        """Apply an edit to the tree `old` and return the id of the new tree."""
        key = (old, edit)
        if key not in self._written:
            self._written[key] = self._write(old, edit, folder)
        return self._written[key]

    def _write(self, old: bytes | None, edit: _Edit, folder: str) -> bytes:
        known = self._listing(old, folder) if old is not None else {}
        entries = dict(known)
        for name, below in edit.folders.items():
            self._change_folder(entries, name, below, edit, f"{folder}{name.decode()}")
        for name, content in edit.files.items():
            self._change_file(entries, name, content, folder)
        ordered = entries if [*entries] == [*known] else in_order(entries)
        return self.draft.add(ObjectType.TREE, format_tree(ordered))

    def _listing(self, tree: bytes, folder: str) -> Listing:
        """A tree's entries in Git's order, read and checked once."""
        if tree not in self._listings:
            found = self.objects.listing(tree)
            for name in found:
                checked_name(name, folder)
            self._listings[tree] = in_order(found)
        return self._listings[tree]

    def _change_folder(
        self, entries: dict[bytes, Entry], name: bytes, below: _Edit, edit: _Edit, path: str
    ) -> None:
        old = entries.get(name)
        if old is not None and not old.is_tree:
            if _only_deletes(below):
                return
            if edit.files.get(name, b"") is not None:
                raise GitError(f"{path} is a file, so it cannot contain files")
            old = None
            del entries[name]
        written = self.write(old.oid if old is not None else None, below, f"{path}/")
        if self.draft.objects[written][1]:
            entries[name] = Entry(FileMode.TREE, written)
        else:
            entries.pop(name, None)

    def _change_file(
        self, entries: dict[bytes, Entry], name: bytes, content: bytes | None, folder: str
    ) -> None:
        old = entries.get(name)
        if content is not None:
            if old is not None and old.is_tree:
                path = f"{folder}{name.decode()}"
                raise GitError(f"{path} is a folder, so it cannot be written as a file")
            entries[name] = Entry(FileMode.BLOB, self.draft.add(ObjectType.BLOB, content))
        elif old is not None and not old.is_tree:
            del entries[name]


def _only_deletes(edit: _Edit) -> bool:
    return not any(content is not None for content in edit.files.values()) and all(
        map(_only_deletes, edit.folders.values())
    )
