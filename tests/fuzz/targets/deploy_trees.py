"""Changes of a deploy repo, path -> content, written as the trees of a commit."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pygit2
from pygit2.enums import FileMode

from bot.git.errors import GitError
from bot.git.objects import Objects, parse_tree
from bot.git.writing import Draft, NewCommit, Signature, draft_commits
from renderers.tree import UnsafePathError
from tests.fuzz import Target

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BOT = Signature("Switchyard", "switchyard@noreply.invalid")
BASE: Mapping[str, bytes] = {"clusters/a/apps/web.yaml": b"1", "clusters/b/x": b"2", "top": b"3"}
_REPOSITORY = pygit2.init_repository(tempfile.mkdtemp(), bare=True)


def _commit(changes: Mapping[str, bytes | None], parent: str) -> tuple[str, Draft]:
    new = NewCommit(parent, changes, message="Change", author=BOT, at=AT)
    (sha,), draft = draft_commits(Objects(_REPOSITORY), [new])
    return sha, draft


def _base() -> str:
    empty = _REPOSITORY.TreeBuilder().write()
    by = pygit2.Signature("a", "a@example.com", 0, 0)
    start = str(_REPOSITORY.create_commit(None, by, by, "Start", empty, []))
    sha, draft = _commit(BASE, start)
    for kind, raw in draft.objects.values():
        _REPOSITORY.odb.write(kind, raw)
    return sha


PARENT = _base()


def check(data: bytes) -> None:
    """A declared error, or exactly the files of the parent with the changes."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(value, dict):
        return
    changes = {
        path: None if content is None else str(content).encode("utf-8", "replace")
        for path, content in value.items()
    }
    try:
        sha, draft = _commit(changes, PARENT)
    except (GitError, UnsafePathError):
        return
    wanted = {path: content for path, content in {**BASE, **changes}.items() if content is not None}
    root = bytes.fromhex(draft.objects[bytes.fromhex(sha)][1].split()[1].decode())
    assert dict(_files(draft, root, "")) == wanted
    assert _commit(dict(reversed(changes.items())), PARENT)[0] == sha


def _files(draft: Draft, tree: bytes, folder: str) -> Iterator[tuple[str, bytes]]:
    for name, entry in parse_tree(_raw(draft, tree)).items():
        path = folder + name.decode()
        if entry.is_tree:
            yield from _files(draft, entry.oid, f"{path}/")
        else:
            assert entry.mode == FileMode.BLOB
            yield path, _raw(draft, entry.oid)


def _raw(draft: Draft, oid: bytes) -> bytes:
    known = draft.objects.get(oid)
    return known[1] if known else Objects(_REPOSITORY).read(oid)[1]


def seeds() -> Iterator[bytes]:
    """Files added, changed and deleted, and files that become folders and the reverse."""
    for changes in (
        {"clusters/a/apps/web.yaml": "new", "clusters/c/d/e/f": "4"},
        {"clusters/b/x": None, "top": None},
        {"top": None, "top/file": "a"},
        {"clusters/b": "a", "clusters/b/x": None},
        {"top/file": "a"},
        {"a": "1", "a-b": "2", "a/b": "3", "a.b": "4"},
        {"../x": "a", ".git/config": "b", "A": "c", "a//b": "d", "": "e"},
    ):
        yield json.dumps(changes).encode()


WORDS = (b"clusters/", b"/", b"..", b".git", b"top", b"-", b"_", b"null", b"clusters/b/x")
TARGET = Target(check, seeds, WORDS, share=0.7)
