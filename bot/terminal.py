"""Writes text to the terminal. The only module that does; its text may quote manifests and forges.

A terminal obeys control characters: an escape sequence in a name can rewrite lines, set the title
or the clipboard, and characters that change the direction of text can make a line read differently
from what it says. Each is written as its number. Colours are added afterwards, where the reader
wants them. Imports the standard library alone, so that help is instant.

Sources: ECMA-48 (C0, C1, SGR), Unicode Standard Annex 9 (directional formatting), "Trojan Source"
(Boucher, Anderson), Unicode Standard 23.2 and 23.9 (layout controls, tags); no-color.org,
force-color.org and Python's own order of the two (`_colorize.can_colorize`, 3.13).
"""

import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum
from typing import NamedTuple, TextIO

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
PATIENCE = 1.0
"""Seconds before people are told that something is still running, and between two such lines."""


class Style(Enum):
    """How a line stands out, as the parameter of SGR."""

    BOLD = 1
    RED = 31
    GREEN = 32
    YELLOW = 33
    CYAN = 36


class Line(NamedTuple):
    """A line to write, without its end."""

    text: str
    style: Style | None = None


def printable(text: str) -> str:
    """The text with each character that a terminal would obey or hide as `[U+001B]`.

    Line feeds and tabs stay.
    """
    return UNSAFE.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def write(text: str) -> None:
    """Write to standard output.

    Raises:
        OSError: it is full, or its reader is gone.
    """
    _write_output(printable(text))


def write_lines(lines: Iterable[Line]) -> None:
    """Write lines to standard output.

    Raises:
        OSError: it is full, or its reader is gone.
    """
    coloured = _has_colours(sys.stdout)  # noqa: TID251 - the place for it
    _write_output("".join(_painted(each, coloured=coloured) for each in lines))


def write_error(text: str, style: Style | None = None) -> None:
    """Write to standard error; where that is closed or full, nobody can be told."""
    stream: TextIO | None = sys.stderr  # noqa: TID251 - the place for it
    if stream is None:
        return
    coloured = _has_colours(stream)
    lines = (_painted(Line(each, style), coloured=coloured) for each in text.splitlines())
    with suppress(OSError):
        stream.write(_encodable("".join(lines), stream))
        stream.flush()


@contextmanager
def progress(what: str, patience: float = PATIENCE) -> Iterator[None]:
    """Say on standard error what takes longer than a second, if that is a terminal."""
    stream: TextIO | None = sys.stderr  # noqa: TID251 - the place for it
    if stream is None or not stream.isatty() or _is_dumb(os.environ):  # noqa: TID251 - no setting
        yield
        return
    ended = threading.Event()
    telling = threading.Thread(target=_tell, args=(stream, what, ended, patience), daemon=True)
    telling.start()
    try:
        yield
    finally:
        ended.set()
        telling.join()


def _tell(stream: TextIO, what: str, ended: threading.Event, patience: float) -> None:
    """Rewrite one line until it has ended; then erase it."""
    seconds = 0
    while not ended.wait(patience):
        seconds += 1
        stream.write(f"\r{_encodable(printable(what), stream)} ({seconds} s)")
        stream.flush()
    if seconds:
        stream.write("\r\x1b[K")
        stream.flush()


def _write_output(text: str) -> None:
    stream: TextIO | None = sys.stdout  # noqa: TID251 - the place for it
    if stream is None:
        return
    try:
        stream.write(_encodable(text, stream))
        stream.flush()
    except OSError as error:
        _discard(stream)
        raise OSError(error.errno, error.strerror, "standard output") from None


def _discard(stream: TextIO) -> None:
    """Let what is left go nowhere; Python would try to write it once more at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _painted(line: Line, *, coloured: bool) -> str:
    text = printable(line.text)
    if line.style is None or not coloured or not text:
        return f"{text}\n"
    return f"\x1b[{line.style.value}m{text}\x1b[0m\n"


def _has_colours(stream: TextIO | None) -> bool:
    return stream is not None and wants_colours(os.environ, terminal=stream.isatty())  # noqa: TID251


def wants_colours(environment: Mapping[str, str], *, terminal: bool) -> bool:
    """Whether text may be coloured."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return terminal and not _is_dumb(environment)


def _is_dumb(environment: Mapping[str, str]) -> bool:
    return environment.get("TERM") == "dumb"


def _encodable(text: str, stream: TextIO) -> str:
    """The text with what the stream's encoding lacks as escapes."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
