"""Sentences of our own with names, values and text of others in them.

Statuses, pages and the terminal show them as plain text. Comments show them as Markdown in which
only the values stand in code spans, so that text of others stays text there (see `markdown`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape

from bot.wording.markdown import code, code_in_html, sentence

SHORTEST_VALUE = 40


@dataclass(frozen=True, slots=True)
class Value:
    """A name, a value or text of others."""

    text: str


@dataclass(frozen=True, slots=True)
class Message(Value):
    """A sentence of ours, composed elsewhere: names and values in it become code spans."""


@dataclass(frozen=True, slots=True)
class Prose:
    """A phrase without a full stop, made by `say`: our own words, and values among them."""

    parts: tuple[str | Value, ...] = ()

    def __str__(self) -> str:
        return "".join(each.text if isinstance(each, Value) else each for each in self.parts)

    def __bool__(self) -> bool:
        return bool(self.parts)

    def markdown(self, limit: int = 400) -> str:
        """Its values in code spans, cut so that all of it has about `limit` characters."""
        return self._render(code, str, limit)

    def html(self, limit: int = 400) -> str:
        """The same for a summary, in which Markdown is not read."""
        return self._render(code_in_html, lambda words: escape(words, quote=False), limit)

    def cut(self, limit: int) -> "Prose":
        """The first `limit` characters."""
        kept, left = list[str | Value](), limit
        for part in self.parts:
            text = (part.text if isinstance(part, Value) else part)[:left]
            if text:
                kept.append(Value(text) if isinstance(part, Value) else text)
            left -= len(text)
        return Prose(tuple(kept))

    def _render(
        self, span: Callable[[str, int], str], words: Callable[[str], str], limit: int
    ) -> str:
        """Our own words stay whole; each value says where it is cut."""
        left = limit - sum(len(each) for each in self.parts if isinstance(each, str))
        shown, follows_value = list[str](), False
        for part in self.parts:
            if isinstance(part, Value):
                room = max(SHORTEST_VALUE, left)
                spanned = sentence if isinstance(part, Message) and span is code else span
                shown.append(" " * follows_value + spanned(part.text, room))
                left -= min(len(part.text), room)
            else:
                shown.append(words(part))
            follows_value = isinstance(part, Value)
        return "".join(shown)


NOTHING = Prose()


def say(template: str, *values: str | int | Prose) -> Prose:
    """Our own words, with a `{}` for each value: `say("waits for {} to be ready", step)`.

    Text is a value; numbers and other phrases are words. Nothing that others wrote may stand in
    the template.
    """
    words = template.split("{}")
    assert len(words) == len(values) + 1, f"{template!r} does not take {len(values)} values"
    parts: list[str | Value] = [words[0]]
    for value, following in zip(values, words[1:], strict=True):
        match value:
            case Prose(inner):
                parts += inner
            case str():
                parts.append(Value(value))
            case _:
                parts.append(str(value))
        parts.append(following)
    return Prose(tuple(part for part in parts if part != ""))


def message(text: str) -> Prose:
    """A sentence of ours that was composed elsewhere, with names and values in it."""
    return Prose((Message(text),))


def join(separator: str, phrases: Iterable[Prose]) -> Prose:
    """The phrases in a row, with our own words between them."""
    found = tuple(phrases)
    return say(separator.join(["{}"] * len(found)), *found)


def names(found: Iterable[str], most: int = 3) -> Prose:
    """Names in a sentence, the rest counted: `c1, c2, c3 and 4 more`; see `listing`."""
    every = tuple(found)
    if not every:
        return NOTHING
    if len(every) <= most + 1:
        return say("{}", ", ".join(every))
    return say("{} and {} more", ", ".join(every[:most]), len(every) - most)


def phrases(found: Iterable[Prose], most: int = 3, separator: str = ", ") -> Prose:
    """Phrases in a sentence, the rest counted."""
    every = tuple(found)
    shown = join(separator, every[:most])
    return say("{} and {} more", shown, len(every) - most) if len(every) > most else shown


class ProseError(Exception):
    """An error whose text people read; text that is no `Prose` counts as a value."""

    def __init__(self, text: Prose | str) -> None:
        self.text = say("{}", text) if isinstance(text, str) else text
        super().__init__(str(self.text))
