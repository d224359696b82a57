"""What subcommands raise, and what the operating system refuses, in words.

Apart, so that `bot.__main__` imports nothing else of them.
"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

NEXT_STEPS = {
    errno.EACCES: "check its owner and mode",
    errno.EADDRINUSE: "another program listens there: stop it, or choose another port",
    errno.ECONNREFUSED: "is it running, and is the address right?",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "the limit of this process or file system is reached (`ulimit -f`)",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`)",
    errno.ENOSPC: "free some space",
    errno.ENOTDIR: "name a folder",
    errno.EROFS: "choose another folder",
}


class Position(Protocol):
    """A position in a file; line and column count from 1."""

    @property
    def file(self) -> str:
        """Path below the folder."""

    @property
    def line(self) -> int:
        """From 1."""

    @property
    def column(self) -> int:
        """From 1."""


class PositionedProblem(Protocol):
    """A problem, with its position where it has one."""

    @property
    def position(self) -> Position | None:
        """Where it is."""


class InputError(Exception):
    """The input is wrong; the message says where, and what to do about it."""


class ProblemsError(InputError):
    """Documents below a folder have problems, or no plan can be made of them."""

    def __init__(
        self, folder: Path | None, problems: Sequence[PositionedProblem], *notes: str
    ) -> None:
        self.folder, self.problems, self.notes = folder, problems, notes
        lines = [f"{folder}/{each}" if each.position else str(each) for each in problems]
        super().__init__("\n".join([*lines, *notes]))


def describe(error: OSError) -> str:
    """What the operating system refused, where, and what to do."""
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in NEXT_STEPS:
        return f"{where}{os.strerror(error.errno)}; {NEXT_STEPS[error.errno]}"
    return f"{where}{error.strerror or error}"
