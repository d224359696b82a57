"""Words of a command: split at blanks as a shell would, without any expansion.

A quote opens at the beginning of a word or behind `=`, and closes where no letter or digit follows,
so that `it's` needs no care. Quotes that an editor made typographic count as plain ones. A
backslash makes the next punctuation character plain, as on the page (CommonMark 0.31, 2.4).
"""

import re
from dataclasses import dataclass

from bot.wording.prose import ProseError, say

_PAIRS = {
    '"': ('"', "\u201c\u201d\u201e\u201f"),
    "'": ("'", "\u2018\u2019\u201a\u201b"),
}
_FAMILIES = {
    each: (plain, smart) if each in plain else (smart, plain)
    for plain, smart in _PAIRS.values()
    for each in plain + smart
}
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_DASHES = re.compile(
    "^(?:--|-?[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]{1,2}-?)(?=[A-Za-z])",
)
_SHOWN = 20


class UnterminatedQuoteError(ProseError):
    """A quote that is opened and not closed."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word without its quotes; one that began with a quote or a backslash is `literal`.

    A word that is not literal and begins with a look-alike of `--` before a letter begins with
    `--` here.
    """

    text: str
    literal: bool

    @property
    def option(self) -> str | None:
        """What follows `--`, or None if it is no option."""
        name = self.text.removeprefix("--")
        return None if self.literal or name == self.text or not name else name


def split(text: str) -> tuple[Word, ...]:
    """The words of a text, in order.

    Raises:
        UnterminatedQuoteError: a quote is not closed; the text names it.
    """
    words: list[Word] = []
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
        else:
            word, at = _word(text, at)
            words.append(word)
    return tuple(words)


def _word(text: str, at: int) -> tuple[Word, int]:
    literal = text[at] in _FAMILIES or _ESCAPED.match(text, at) is not None
    pieces: list[str] = []
    opens = True
    while at < len(text) and text[at] != " ":
        escaped = _ESCAPED.match(text, at)
        if escaped:
            piece, at = escaped[1], escaped.end()
        elif opens and text[at] in _FAMILIES:
            end = _closing(text, at)
            piece, at = _ESCAPED.sub(r"\1", text[at + 1 : end]), end + 1
        else:
            piece, at = text[at], at + 1
        opens = not escaped and piece == "="
        pieces.append(piece)
    joined = "".join(pieces)
    return Word(joined if literal else _DASHES.sub("--", joined), literal), at


def _closing(text: str, start: int) -> int:
    """Where the quote that opens at `start` closes: its own sort before the other."""
    for sort in _FAMILIES[text[start]]:
        at = start + 1
        while at < len(text):
            escaped = _ESCAPED.match(text, at)
            if text[at] in sort and not text[at + 1 : at + 2].isalnum():
                return at
            at = escaped.end() if escaped else at + 1
    shown = text[start : start + _SHOWN] + ("..." if len(text) > start + _SHOWN else "")
    raise UnterminatedQuoteError(say("unterminated quote: {}", shown))
