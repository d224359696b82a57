"""What `check` found, whatever it is printed as."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from bot.cli.errors import InputError, ProblemsError


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake (`error`) or a warning; line and column count from 1.

    `file` is empty where it is about no single file; without a position, line and column are 0.
    """

    level: Literal["error", "warning"]
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


_PLACED = re.compile(r"([^\s:]+):([0-9]+):([0-9]+): (.+)", re.DOTALL)


def warning(text: str, folder: PurePath) -> Finding:
    """A warning of a plan; one that begins with a place in a file has it as its own."""
    placed = _PLACED.fullmatch(text)
    if placed is None:
        return Finding("warning", text)
    file, line, column, message = placed.groups()
    return Finding("warning", message, (folder / file).as_posix(), int(line), int(column))


def findings_of(error: InputError) -> list[Finding]:
    """Each problem on its own; an error without positions as it is."""
    if not isinstance(error, ProblemsError):
        return [Finding("error", str(error))]
    found = list[Finding]()
    for each in error.problems:
        if each.position is None:
            found.append(Finding("error", str(each)))
            continue
        place = each.position
        file = PurePath(error.folder or "", place.file).as_posix()
        message = str(each).removeprefix(f"{place}: ")
        found.append(Finding("error", message, file, place.line, place.column))
    return [*found, *([Finding("error", "\n".join(error.notes))] if error.notes else [])]
