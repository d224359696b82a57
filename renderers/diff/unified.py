"""Diffs for people: unified, without any value of a Secret or of a sensitive field."""

import difflib
import json
from dataclasses import dataclass

from planners.model import Json
from renderers import yaml
from renderers.diff.redaction import HIDDEN, masked

CONTEXT = 3
WITHHELD = b"(not shown: it cannot be read and may hold a secret)\n"


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file's unified diff, and its documents before and after; secrets are in none of them.

    A side without a file has no documents; a side that cannot be read has one that says so.
    """

    unified: str
    before: tuple[Json, ...]
    after: tuple[Json, ...]


def compare(path: str, old: bytes | None, new: bytes | None) -> FileDiff:
    """Compare one file; None stands for no file. An odd path stands in quotes, on one line."""
    was, now = _read(old), _read(new)
    before, after = _masked(was, now, "before"), _masked(now, was, "after")
    name = path if path.isprintable() else json.dumps(path)
    lines = difflib.unified_diff(
        _lines(_shown(old, was, before)),
        _lines(_shown(new, now, after)),
        f"a/{name}" if old is not None else "/dev/null",
        f"b/{name}" if new is not None else "/dev/null",
        lineterm="",
        n=CONTEXT,
    )
    return FileDiff("\n".join(lines) + "\n", before, after)


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", "replace").split("\n")[:-1] if content else []


def _read(content: bytes | None) -> tuple[Json, ...] | None:
    """The documents of a file; None for one that cannot be read."""
    if content is None:
        return ()
    try:
        return tuple(each.value for each in yaml.load_documents(content))
    except yaml.YamlError:
        return None


def _masked(
    documents: tuple[Json, ...] | None, others: tuple[Json, ...] | None, word: str
) -> tuple[Json, ...]:
    if documents is None:
        return ({"content": f"{HIDDEN} ({word})"},)
    twins = others or ()
    return tuple(
        masked(each, twins[index] if index < len(twins) else None, word)
        for index, each in enumerate(documents)
    )


def _shown(
    content: bytes | None, documents: tuple[Json, ...] | None, shown: tuple[Json, ...]
) -> bytes | None:
    """The content with `***` for what must not be shown.

    What holds no secret stays as it is written, to the letter. What cannot be read is withheld:
    nobody knows what it holds.
    """
    if documents is None:
        return WITHHELD
    if shown == documents:
        return content
    return b"---\n".join(yaml.dump(each) for each in shown)
