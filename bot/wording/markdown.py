"""Markdown that hostile text cannot break out of.

Text of others stands in code spans, in `<code>` inside of a summary, or in fences. In all three a
forge finds no mention, reference, closing keyword or quick action, and no HTML.

Sources: CommonMark 0.31 (4.5 fences, 4.6 HTML blocks, 6.1 code spans), GitHub Flavored Markdown
(4.10 tables), GitLab Flavored Markdown; "Trojan Source" (Boucher, Anderson) for text that turns.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape
from urllib.parse import quote

_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]+"
)
_UNSHOWN = re.compile(
    _INVISIBLE.pattern.removesuffix("+").replace("\x00-\x1f", "\x00-\x08\x0b-\x1f")
)
_NUMBERS = re.compile(r"([0-9]+)")
_TAG = re.compile("<(?=[A-Za-z/!?])")
_WORD = re.compile(r"(?![a-f]{7,}$)[A-Za-z]+(?:['-][A-Za-z]+)*|[0-9]{1,6}")
_QUOTED = re.compile(r"""(['"])(.+)\1""")
_PIECE = re.compile(r"""(\(?)((?<![^\s(])'[^']*'|(?<![^\s(])"[^"]*"|\S+?)([),;:.?]*)(?:\s+|$)""")


def units(text: str) -> int:
    """The length as forges count it at the most: in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def plain(text: str, limit: int = 200) -> str:
    """One line without invisible characters or backticks, no tag in it; says where it was cut."""
    clean = _INVISIBLE.sub(" ", text).replace("`", "'").strip()
    clean = _TAG.sub("\u2039", clean)
    if len(clean) > limit:
        clean = f"{clean[:limit]} [{len(clean) - limit} more]"
    return clean or " "


def code(text: str, limit: int = 200) -> str:
    """A code span."""
    return f"`{plain(text, limit)}`"


def sentence(text: str, limit: int = 200) -> str:
    """A message with names and values of others in it, nothing in it marked.

    English words and short numbers stand as they are: no Markdown, mention, reference, commit or
    quick action is made of these alone. All else, and what is quoted, stands in code spans.
    """
    shown = list[str]()
    for before, piece, after in _PIECE.findall(plain(text, limit)):
        ours = _WORD.fullmatch(piece) and not (piece.isdigit() and not shown)
        shown.append(f"{before}{piece if ours else code(_unquoted(piece), limit)}{after}")
    return " ".join(shown) or code(text)


def _unquoted(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    return quoted[2] if quoted else text


def code_in_html(text: str, limit: int = 200) -> str:
    """The same for a summary, in which Markdown is not read."""
    return f"<code>{escape(plain(text, limit), quote=False)}</code>"


def link(label: str, address: str) -> str:
    """A link; nothing in the address can end it."""
    return f"[{label}]({quote(address[:2000], safe=':/?#@!$&*+,;=%~', errors='replace')})"


def fence(text: str, language: str) -> str:
    """A fenced block whose fence is longer than any run of backticks inside.

    What would be invisible in it, or end a line unseen, stands as its number.
    """
    shown = _UNSHOWN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text.rstrip())
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{shown}\n{ticks}"


def listed(head: str, found: Sequence[str], limit: int, *, most: int, length: int) -> str:
    """A text and a list: as many lines of that length as the limit allows; the rest is counted."""
    lines, left = list[str](), limit - units(head) - len("\n\n- and 1000000 more")
    for each in found[:most]:
        line = f"- {sentence(each, length)}"
        left -= units(line) + 1
        if left < 0:
            break
        lines.append(line)
    if len(found) > len(lines):
        lines.append(f"- and {len(found) - len(lines)} more")
    return head + "\n\n" + "\n".join(lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; a bar in a cell is escaped, and no backslash before it undoes that."""
    lines = [list(head), ["---"] * len(head), *[list(row) for row in rows]]
    return "\n".join("| " + " | ".join(_cell(each) for each in line) + " |" for line in lines)


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table without the columns in which every cell is empty."""
    kept = [index for index in range(len(head)) if any(row[index] for row in rows)]
    return table([head[index] for index in kept], [[row[i] for i in kept] for row in rows])


def _cell(text: str) -> str:
    return text.replace("\\|", "\\ |").replace("|", "\\|")


def fold(summary: str, body: str) -> str:
    """A section that is closed at first; the blank lines let Markdown inside be Markdown."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def natural(names: Iterable[str]) -> list[str]:
    """Sorted as people count: `edge-2` before `edge-10`."""
    return sorted(names, key=_by_number)


@lru_cache(maxsize=65_536)
def _by_number(name: str) -> tuple[tuple[int, str], ...]:
    parts = _NUMBERS.split(name)
    return tuple((int(part[:18]) if index % 2 else 0, part) for index, part in enumerate(parts))


def plural(count: int, noun: str) -> str:
    """`1 cluster`, `2,000 clusters`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
