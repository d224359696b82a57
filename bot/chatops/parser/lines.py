"""The lines of a comment that address the bot, by CommonMark 0.31 and tables of GitHub's dialect.

Only text of top-level paragraphs counts (4.8), so nothing in code (4.4, 4.5, 6.1), quotes (5.1),
lists (5.2), headings (4.2, 4.3), HTML (4.6, 6.6), link definitions (4.7), links and images (6.3 to
6.5), nor in GitLab's quotes between two lines `>>>`. A lazy continuation line (5.1) belongs to the
quote or list above it. Below the line that introduces the message which an e-mail replies to
(`On ... wrote:`, `From: ...`), text without marks of a quote is quoted, too. The address is
compared as it was typed: an entity (2.5), a backslash (2.4), a look-alike letter or an invisible
character inside it makes it no address, which is also how people and bots mention the bot without
calling it.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote
from markdown_it.rules_inline import StateInline, autolink, backtick, html_inline, image, link
from markdown_it.token import Token

LONGEST_COMMENT = 65_536
LONGEST_LINE = 500
MOST_QUOTED = 200_000

_BLANK = " \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_UNSEEN = "\u200b-\u200d\u2060\ufeff"
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ENDINGS = re.compile(r"\r\n?")
_BLANKS = re.compile(f"[{_BLANK}]")
_ZERO_WIDTH = re.compile(f"[{_UNSEEN}]+")
_DIRECTION = re.compile(f"[{_BIDI}]")
_REPLY = re.compile(
    r"(?:On .{6,300} wrote:|[-_]{3,} ?(?:Original Message|Forwarded message) ?[-_]{3,})[ \t]*",
    re.IGNORECASE,
)
_MAIL_FROM = re.compile(r"\**From:\** ?\S.{0,300}", re.IGNORECASE)
_MAIL_HEAD = re.compile(r"\**(?:Sent|Date|To|Subject):\**.{0,300}", re.IGNORECASE)
_GITLAB_QUOTE = re.compile(r" {0,3}>>>[ \t]*")

Span = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Line:
    """A line that addresses the bot.

    `number` counts from 1 in the whole comment. `rest` is what follows the address, with plain
    blanks and without zero-width characters; `problem` says why the line cannot be read, or is
    empty.
    """

    number: int
    rest: str = ""
    problem: str = ""


def addressed(text: str, login: str) -> Iterator[Line]:
    """Every line that addresses the bot of that login, in order.

    A comment that would take too long is not parsed: it is longer than `LONGEST_COMMENT`, or its
    quotes, each with the lines down to the next blank one, hold more than `MOST_QUOTED` lines
    together. Then it is the first such line, with a problem.
    """
    plain = _ENDINGS.sub("\n", text).replace("\0", "\ufffd").removeprefix("\ufeff")
    address = _address(login)
    first = address.search(plain)
    if first is None:
        return
    number = plain.count("\n", 0, first.start()) + 1
    if len(plain) > LONGEST_COMMENT:
        yield Line(number, problem=f"the comment is longer than {LONGEST_COMMENT:,} characters")
        return
    try:
        end = _end_of_reply(plain.split("\n"))
        yield from (each for each in _lines(plain, address) if each.number <= end)
    except _TooManyQuotesError:
        yield Line(number, problem="the comment has too many or too deeply nested quotes")


def _end_of_reply(lines: Sequence[str]) -> int:
    """The last line before an e-mail that is replied to, unless its quotes are marked as such."""
    for number, line in enumerate(lines):
        if _introduces(line, lines[number + 1 : number + 2]):
            quoted = next((each for each in lines[number + 1 :] if each.strip(_BLANK)), ">")
            if not quoted.lstrip(_BLANK).startswith(">"):
                return number
    return len(lines)


def _introduces(line: str, following: Sequence[str]) -> bool:
    """Whether a line introduces a quoted e-mail; the words of one may go on in the next line."""
    joined = f"{line} {following[0].strip()}" if following else line
    if _REPLY.fullmatch(line) or (not line.endswith(":") and _REPLY.fullmatch(joined)):
        return True
    heads = following and _MAIL_HEAD.fullmatch(following[0].strip())
    return bool(heads and _MAIL_FROM.fullmatch(line.strip()))


def _lines(text: str, address: re.Pattern[str]) -> Iterator[Line]:
    for start, lines, spans, trimmed in _paragraphs(text, address):
        at = -trimmed
        for index, line in enumerate(lines):
            match = address.match(line)
            if match and not _covered(spans, at + match.end("lead")):
                last = index == len(lines) - 1
                found = _read(start + index + 1, line, match, last=last)
                end = at + len(line)
                yield found if found.problem else _alone(found, spans, at, end)
            at += len(line) + 1


@lru_cache(maxsize=16)
def _address(login: str) -> re.Pattern[str]:
    """At most three blanks, the address, then a blank or the end; a mention needs a word behind it.

    A comma or colon may follow the address at once, as people write to each other.
    A fourth blank would begin indented code elsewhere (4.4). A GitHub App is mentioned with or
    without the `[bot]` of its login. Letters match in either case, and ASCII ones alone.
    """
    unseen = f"[{_UNSEEN}{_BIDI}]*"
    lead = rf"(?P<lead>(?:{unseen}[{_BLANK.replace(chr(9), '')}]){{0,3}}{unseen})"
    name = re.escape(login.removesuffix("[bot]"))
    word = rf"{unseen}[{_BLANK}][{_UNSEEN}{_BLANK}]*[^\n{_BLANK}{_UNSEEN}]"
    mention = rf"|@{name}(?:\[bot\])?[,:]?(?={word})"
    slash = rf"/switchyard[,:]?(?={unseen}(?:[{_BLANK}]|$))"
    flags = re.ASCII | re.IGNORECASE | re.MULTILINE
    return re.compile(rf"^{lead}(?:{slash}{mention if name else ''})", flags)


def _paragraphs(
    text: str, address: re.Pattern[str]
) -> Iterator[tuple[int, Sequence[str], Sequence[Span], int]]:
    """Of each paragraph with an address: its first line, its lines, its spans, and a distance.

    The spans of code, links and HTML count from where the paragraph's text begins, which is that
    distance behind the beginning of its first line: what the parser trims (4.8).
    """
    source = text.split("\n")
    env: dict[str, object] = {"below": _below(source), "quoted": 0}
    tokens = _PARSER.parse(text, env)
    marks = _quote_marks(tokens, source)
    for opening, inline in pairwise(tokens):
        if opening.type != "paragraph_open" or opening.level or opening.map is None:
            continue
        start, end = opening.map
        lines = source[start:end]
        above = bisect_right(marks, start)
        quoted = above % 2 == 1 and above < len(marks)
        if not quoted and any(map(address.match, lines)):
            spans: list[Span] = []
            env["spans"] = spans
            _PARSER.inline.parse(inline.content, _PARSER, env, [])
            yield start, lines, spans, "\n".join(lines).find(inline.content)


def _below(source: Sequence[str]) -> list[int]:
    """For each line, how many there are from it to the next blank one."""
    counts: list[int] = []
    for line in reversed(source):
        counts.append(counts[-1] + 1 if counts and line.strip(" \t") else 1)
    return counts[::-1]


def _quote_marks(tokens: Sequence[Token], source: Sequence[str]) -> list[int]:
    """The lines that in turn open and close GitLab's quotes; the last may close nothing."""
    return [
        number
        for token in tokens
        if token.type == "blockquote_open" and not token.level and token.map
        for number in range(*token.map)
        if _GITLAB_QUOTE.fullmatch(source[number])
    ]


def _covered(spans: Sequence[Span], at: int) -> bool:
    index = bisect_right(spans, at, key=lambda span: span[0])
    return index > 0 and at < spans[index - 1][1]


def _alone(line: Line, spans: Sequence[Span], start: int, end: int) -> Line:
    """The line, which may hold code of its own, but neither HTML nor links nor a part of code."""
    for begin, behind, kind in spans:
        if begin < end and start < behind and (kind != "code" or behind > end):
            return Line(
                line.number, problem=f"commands must be plain text, but this line contains {kind}"
            )
    return line


def _read(number: int, line: str, match: re.Match[str], *, last: bool) -> Line:
    if len(line.rstrip()) > LONGEST_LINE:
        return Line(number, problem=f"the line is longer than {LONGEST_LINE} characters")
    if _DIRECTION.search(line):
        return Line(number, problem="the line contains bidirectional control characters")
    rest = _ZERO_WIDTH.sub("", _BLANKS.sub(" ", line[match.end() :])).strip(" ")
    if not last and (len(rest) - len(rest.rstrip("\\"))) % 2:
        rest = rest[:-1].rstrip(" ")  # a backslash before a line ending breaks the line (6.7)
    for each in rest:
        if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}:
            return Line(
                number, problem=f"the line contains an invisible character, U+{ord(each):04X}"
            )
    return Line(number, rest)


_Rule = Callable[[StateInline, bool], bool]


def _watched(kind: str, rule: _Rule) -> _Rule:
    """The same rule, which also notes where it found something; what is within it is forgotten."""

    def watch(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the parser calls it so
        spans = state.env.get("spans", [])
        before, start = len(spans), state.pos
        found = rule(state, silent)
        if found and not silent:
            spans[before:] = [(start, state.pos, kind)]
        return found

    return watch


class _TooManyQuotesError(Exception):
    pass


def _counted_quote(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - as above
    """A quote of the parser, which looks at every line down to the next blank one at each quote.

    Raises:
        _TooManyQuotesError: the parser looked at too many.
    """
    found = blockquote(state, start, end, silent=True)
    if silent or not found:
        return found
    state.env["quoted"] += state.env["below"][start]
    if state.env["quoted"] > MOST_QUOTED:
        raise _TooManyQuotesError
    return blockquote(state, start, end, silent=False)


def _make() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table").disable("inline")
    parser.block.ruler.at(
        "blockquote", _counted_quote, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    rules = parser.inline.ruler
    rules.at("backticks", _watched("code", backtick))
    rules.at("link", _watched("a link", link))
    rules.at("image", _watched("an image", image))
    rules.at("autolink", _watched("a link", autolink))
    rules.at("html_inline", _watched("HTML", html_inline))
    return parser


_PARSER = _make()
