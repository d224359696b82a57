"""Unified diffs of manifest files, with all secret values redacted."""

import difflib
import json
from dataclasses import dataclass

from planners.model import Json
from renderers import yaml
from renderers.agents import KEPT
from renderers.diff.redaction import MASK, redact

CONTEXT = 3
WITHHELD = b"(not shown: the file is not valid YAML and may contain a secret)\n"


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A file's unified diff, and its documents before and after; secrets are redacted in all three.

    A side without a file has no documents; a side with invalid YAML has one placeholder document.
    """

    unified: str
    before: tuple[Json, ...]
    after: tuple[Json, ...]


def compare(path: str, old: bytes | None, new: bytes | None) -> FileDiff:
    """Compare one file; None is an absent file. A path with control characters is quoted."""
    was, now = _read(old), _read(new)
    before, after = _redacted(was, now, "before"), _redacted(now, was, "after")
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
    """The documents of a file; None if it is not valid YAML. What keeps a folder has none."""
    if content is None or content == KEPT:
        return ()
    try:
        return tuple(each.value for each in yaml.load_documents(content))
    except yaml.YamlError:
        return None


def _redacted(
    documents: tuple[Json, ...] | None, others: tuple[Json, ...] | None, word: str
) -> tuple[Json, ...]:
    if documents is None:
        return ({"content": f"{MASK} ({word})"},)
    twins = others or ()
    return tuple(
        redact(each, twins[index] if index < len(twins) else None, word)
        for index, each in enumerate(documents)
    )


def _shown(
    content: bytes | None, documents: tuple[Json, ...] | None, shown: tuple[Json, ...]
) -> bytes | None:
    """The content with secrets replaced by `***`.

    Content without secrets is shown byte for byte. Invalid YAML is withheld: it cannot be checked
    for secrets.
    """
    if documents is None:
        return WITHHELD
    if shown == documents:
        return content
    return b"---\n".join(yaml.dump(each) for each in shown)
