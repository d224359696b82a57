"""Writes text to the terminal. The only module that does; its text may quote manifests and forges.

A terminal obeys control characters: an escape sequence in a name can rewrite lines, set the title
or the clipboard, and characters that change the direction of text can make a line read differently
from what it says. Each is written as its number. Imports the standard library alone, so that help
is instant.

Sources: ECMA-48 (C0, C1), Unicode Standard Annex 9 (directional formatting), "Trojan Source"
(Boucher, Anderson), Unicode Standard 23.2 and 23.9 (layout controls, tags).
"""

import re
import sys

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def printable(text: str) -> str:
    """The text with each character that a terminal would obey or hide as `[U+001B]`.

    Line feeds and tabs stay.
    """
    return UNSAFE.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def write(text: str) -> None:
    """Write to standard output."""
    sys.stdout.write(printable(text))  # noqa: TID251 - the place for it
    sys.stdout.flush()  # noqa: TID251


def write_error(text: str) -> None:
    """Write to standard error."""
    sys.stderr.write(printable(text))  # noqa: TID251


def close_error() -> None:
    """Close standard error where the reader is gone, as after `| head`; Python would report it."""
    sys.stderr.close()  # noqa: TID251
