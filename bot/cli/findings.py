"""What `check` found, whatever it is printed as."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal, TypeAlias

from bot.cli.errors import InputError, PositionedProblem, ProblemsError

Level: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake (`error`) or a warning; line and column count from 1.

    `file` is empty where it is about no single file; without a position, line and column are 0.
    """

    level: Level
    message: str
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return (
            f"{self.file}:{self.line}:{self.column}: {self.message}" if self.file else self.message
        )


@dataclass(slots=True)
class Findings:
    """What was found in these folders."""

    folders: Sequence[str]
    entries: list[Finding] = field(default_factory=list)

    @property
    def has_errors(self) -> bool:
        """Whether there is a mistake."""
        return any(each.level == "error" for each in self.entries)


def warning(found: PositionedProblem, folder: PurePath) -> Finding:
    """A warning of a plan, or of documents in a folder."""
    return _finding("warning", found, folder)


def _finding(level: Level, found: PositionedProblem, folder: PurePath) -> Finding:
    place = found.position
    if place is None:
        return Finding(level, str(found))
    message = str(found).removeprefix(f"{place}: ")
    return Finding(level, message, (folder / place.file).as_posix(), place.line, place.column)


def findings_of(error: InputError) -> list[Finding]:
    """Each problem on its own; an error without positions as it is."""
    if not isinstance(error, ProblemsError):
        return [Finding("error", str(error))]
    folder = PurePath(error.folder or "")
    found = [_finding("error", each, folder) for each in error.problems]
    return [*found, *([Finding("error", "\n".join(error.notes))] if error.notes else [])]
