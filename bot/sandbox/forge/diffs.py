"""Diffs for the pages, limited in size."""

from collections.abc import Iterator
from dataclasses import dataclass

import pygit2

MAX_FILES = 300
MAX_LINES = 20_000
MAX_FILE_LINES = 3_000
MAX_LINE = 2_000
_KINDS = {"+": "add", "-": "del", " ": "same"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a diff; `kind` is add, del, same, hunk or note; numbers count from 1."""

    kind: str
    old: int | None
    new: int | None
    text: str

    def __str__(self) -> str:
        """The line as in a unified diff."""
        marks = {"add": "+", "del": "-", "same": " "}
        return f"{marks.get(self.kind, '')}{self.text}"


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file of a diff; `left_out` counts the omitted lines."""

    path: str
    old_path: str
    status: str
    added: int
    removed: int
    lines: tuple[Line, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Diff:
    """The files of a diff; `total` includes omitted files."""

    files: tuple[FileDiff, ...] = ()
    total: int = 0
    added: int = 0
    removed: int = 0

    def __iter__(self) -> Iterator[FileDiff]:
        return iter(self.files)


def read_diff(diff: pygit2.Diff) -> Diff:
    """Read at most MAX_FILES files and MAX_LINES lines of a diff; count what is omitted."""
    diff.find_similar()
    shown: list[FileDiff] = []
    budget = MAX_LINES
    for number in range(min(len(diff), MAX_FILES)):
        patch = diff[number]
        if patch is None:
            continue
        shown.append(_file(patch, min(budget, MAX_FILE_LINES)))
        budget -= len(shown[-1].lines)
    stats = diff.stats
    return Diff(tuple(shown), len(diff), stats.insertions, stats.deletions)


def _file(patch: pygit2.Patch, limit: int) -> FileDiff:
    delta = patch.delta
    _, added, removed = patch.line_stats
    lines: list[Line] = []
    total = 0
    for hunk in patch.hunks:
        total += 1 + len(hunk.lines)
        if len(lines) < limit:
            lines.append(Line("hunk", None, None, hunk.header.strip()))
            lines += [_line(each) for each in hunk.lines[: limit - len(lines)]]
    return FileDiff(
        path=_name(delta.new_file),
        old_path=_name(delta.old_file),
        status=delta.status_char(),
        added=added,
        removed=removed,
        lines=tuple(lines),
        left_out=total - len(lines),
    )


def _line(line: pygit2.DiffLine) -> Line:
    text = line.raw_content.decode("utf-8", "replace").rstrip("\r\n")
    if line.origin not in _KINDS:
        return Line("note", None, None, text.lstrip("\n"))
    old = line.old_lineno if line.old_lineno > 0 else None
    new = line.new_lineno if line.new_lineno > 0 else None
    return Line(_KINDS[line.origin], old, new, text[:MAX_LINE])


def _name(file: pygit2.DiffFile) -> str:
    return file.raw_path.decode("utf-8", "replace")
