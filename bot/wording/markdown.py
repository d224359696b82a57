"""Markdown that hostile text cannot break out of."""

import re
from collections.abc import Sequence
from itertools import accumulate

_INVISIBLE = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")


def code(text: str, limit: int = 200) -> str:
    """A code span: one line, no invisible characters, no backticks; says where it was cut."""
    clean = _INVISIBLE.sub(" ", text).replace("`", "'").strip()
    if len(clean) > limit:
        clean = f"{clean[:limit]} [{len(clean) - limit} more]"
    return f"`{clean or ' '}`"


def fence(text: str, language: str) -> str:
    """A fenced block whose fence is longer than any run of backticks inside (CommonMark 4.5)."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; a bar in a cell is escaped (GitHub Flavored Markdown 4.10)."""
    lines = [list(head), ["---"] * len(head), *[list(row) for row in rows]]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def fitting(rows: Sequence[Sequence[str]], budget: int) -> Sequence[Sequence[str]]:
    """As many of the first rows of a table as `budget` characters hold."""
    ends = accumulate(sum(len(cell) + 3 for cell in row) + 2 for row in rows)
    return rows[: sum(end <= budget for end in ends)]


def fold(summary: str, body: str) -> str:
    """A section that is closed at first; the blank lines let Markdown inside be Markdown."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def listing(names: Sequence[str], most: int = 3) -> str:
    """Names in a sentence, the rest counted."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def plural(count: int, noun: str) -> str:
    """`1 cluster`, `2 clusters`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
