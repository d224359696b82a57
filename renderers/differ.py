"""Diffs for people: unified, without any value of a Secret, grouped over clusters."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from planners.model import Json
from renderers import yamlio

CONTEXT = 3
_SECRET_FIELDS = ("data", "stringData")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
WITHHELD = b"(not shown: it cannot be read and may hold a secret)\n"


@dataclass(frozen=True, slots=True)
class Group:
    """Clusters whose diffs are equal to the letter; `files` maps paths to diffs."""

    clusters: tuple[str, ...]
    files: Mapping[str, str]


def diff(path: str, old: bytes | None, new: bytes | None) -> str:
    """The unified diff of one file; None stands for no file. Secret values are never in it."""
    shown_old, shown_new = _mask(old, new, "before"), _mask(new, old, "after")
    lines = difflib.unified_diff(
        _lines(shown_old),
        _lines(shown_new),
        f"a/{path}" if old is not None else "/dev/null",
        f"b/{path}" if new is not None else "/dev/null",
        lineterm="",
        n=CONTEXT,
    )
    return "\n".join(lines) + "\n"


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", "replace").split("\n")[:-1] if content else []


def _mask(content: bytes | None, other: bytes | None, word: str) -> bytes | None:
    """The content with `***` for what must not be shown; a changed value says so.

    What holds no secret stays as it is written, to the letter. What cannot be read is withheld:
    nobody knows what it holds.
    """
    if content is None:
        return content
    try:
        documents = yamlio.load_documents(content)
    except yamlio.YamlError:
        return WITHHELD
    try:
        others = yamlio.load_documents(other) if other is not None else ()
    except yamlio.YamlError:
        others = ()
    masked = []
    for index, document in enumerate(documents):
        twin = others[index].value if index < len(others) else None
        masked.append(_masked(document.value, twin, word))
    if masked == [document.value for document in documents]:
        return content
    return b"---\n".join(yamlio.dump(each) for each in masked)


def _masked(value: Json, twin: Json, word: str) -> Json:
    """The value without secrets at any depth: Secrets also stand in lists of objects."""
    if isinstance(value, list):
        others = twin if isinstance(twin, list) else []
        known = [*others, *([None] * (len(value) - len(others)))]
        return [_masked(each, known[index], word) for index, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    other = twin if isinstance(twin, dict) else {}
    secret = str(value.get("kind")).casefold() == "secret"
    return {
        key: _hide(each, other.get(key), word)
        if secret and key in _SECRET_FIELDS
        else "***"
        if key == _LAST_APPLIED
        else _masked(each, other.get(key), word)
        for key, each in value.items()
    }


def _hide(value: Json, twin: Json, word: str) -> Json:
    if not isinstance(value, dict):
        return "***"
    known = twin if isinstance(twin, dict) else {}
    return {
        key: "***" if key in known and known[key] == text else f"*** ({word})"
        for key, text in value.items()
    }


def group(diffs: Mapping[str, Mapping[str, str]]) -> tuple[Group, ...]:
    """Group clusters by equal diffs (cluster -> path -> diff): the largest group first."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for cluster in sorted(diffs):
        groups.setdefault(tuple(sorted(diffs[cluster].items())), []).append(cluster)
    found = [Group(tuple(clusters), dict(files)) for files, clusters in groups.items()]
    return tuple(sorted(found, key=lambda each: (-len(each.clusters), each.clusters)))
