"""Confines an error of the program itself to the object whose check meets it.

A rule that fails must not pass its object, and must not end the plan of all others: the object gets
a problem that names the place in the program, and the service logs the frames. Neither contains the
error's own text, which may quote a value of a Secret.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from traceback import walk_tb
from types import TracebackType
from typing import TypeVar

Found = TypeVar("Found")

_ROOTS = ("bot", "planners", "plugins", "renderers", "site-packages")


@dataclass(frozen=True, slots=True)
class Defect:
    """An unexpected error: its type, and the frames, outermost first, as `file:line function`."""

    error: str
    frames: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"could not be checked: internal error {self.error} in {self.frames[-1]}; report it "
            f"to the authors of Switchyard, with the frames that are logged"
        )


def confined(check: Callable[[], Iterable[Found]]) -> tuple[list[Found], Defect | None]:
    """What a check finds, or why it could not be done.

    Raises:
        MemoryError: the process has no memory left, whatever the object.
    """
    try:
        return list(check()), None
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a rule raises is about its one object
        return [], Defect(type(error).__name__, _frames(error.__traceback__))


def _frames(trace: TracebackType | None) -> tuple[str, ...]:
    return tuple(
        f"{_file(frame.f_code.co_filename)}:{line} {frame.f_code.co_qualname}"
        for frame, line in walk_tb(trace)
    )


def _file(path: str) -> str:
    """The path from the package on: where it is installed does not matter."""
    parts = path.replace("\\", "/").split("/")
    starts = [index for index, part in enumerate(parts) if part in _ROOTS]
    return "/".join(parts[starts[-1] :]) if starts else parts[-1]
