"""Deterministic commits: the same parent, files, message and time give the same id."""

from collections.abc import Mapping
from datetime import datetime

import pygit2
from pygit2.enums import FileMode

from bot.repos.errors import GitError
from bot.repos.objects import Signature, find
from renderers.tree import safe_join

Changes = Mapping[str, bytes | None]


def write_commit(
    repository: pygit2.Repository,
    parent: str,
    changes: Changes,
    *,
    message: str,
    author: Signature,
    at: datetime,
) -> str:
    """Write a commit on `parent`; only the folders that change are written. No ref moves.

    Raises:
        UnsafePathError: a path has a segment that must not be written.
        GitError: there is no such parent.
    """
    base = find(repository, parent)
    if not isinstance(base, pygit2.Commit):
        raise GitError(f"{parent[:12]} is not a commit here")
    nested: dict[str, object] = {}
    for path, content in changes.items():
        safe_join(*path.split("/"))
        _insert(nested, path.split("/"), content)
    tree = _write(repository, base.tree, nested)
    tree_id = tree if tree is not None else repository.TreeBuilder().write()
    signature = pygit2.Signature(author.name, author.email, int(at.timestamp()), 0)
    return str(repository.create_commit(None, signature, signature, message, tree_id, [base.id]))


def _insert(nested: dict[str, object], parts: list[str], content: bytes | None) -> None:
    for part in parts[:-1]:
        child = nested.setdefault(part, {})
        assert isinstance(child, dict)
        nested = child
    nested[parts[-1]] = content


def _write(
    repository: pygit2.Repository, tree: pygit2.Tree | None, changes: dict[str, object]
) -> pygit2.Oid | None:
    """The id of the changed tree; None when nothing is left in it."""
    builder = repository.TreeBuilder(tree) if tree is not None else repository.TreeBuilder()
    for name, change in changes.items():
        old = repository[tree[name].id] if tree is not None and name in tree else None
        match change:
            case dict():
                below = old if isinstance(old, pygit2.Tree) else None
                written = _write(repository, below, change)
                if written is not None:
                    builder.insert(name, written, FileMode.TREE)
                elif old is not None:
                    builder.remove(name)
            case bytes():
                builder.insert(name, repository.create_blob(change), FileMode.BLOB)
            case _:
                if old is not None:
                    builder.remove(name)
    return builder.write() if len(builder) else None
