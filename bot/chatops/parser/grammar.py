"""The grammar of verbs: declared once, read by the reader, and shown as help.

Placeholders are in capitals, because comments do not show angle brackets.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bot.wording.prose import ProseError, say
from planners.model.selectors import Selector

Value = str | int | timedelta | datetime | Selector

_COUNT = re.compile(r"[0-9]{1,9}")
_DURATION = re.compile(r"(?=[0-9])(?:([0-9]{1,5})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_LABEL = re.compile(
    r"((?:[a-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)"
    r"=((?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?)"
)
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_SHOWN = 60


class InvalidValueError(ProseError, ValueError):
    """A text that is not of the kind that an argument or option takes."""


class Kind(StrEnum):
    """The kind of a value; each is read as the type named below it."""

    TEXT = "text"
    """str: anything but nothing."""
    NAME = "name"
    """str in lower case: names of Kubernetes and of documents have no capitals."""
    COUNT = "count"
    """int: 0 or more, at most nine digits."""
    DURATION = "duration"
    """timedelta: days, hours and minutes, like 30m, 2h, 3d or 1d12h."""
    MOMENT = "moment"
    """datetime in UTC: RFC 3339, 5.6 (a date-time with its offset)."""
    TIME = "time"
    """datetime or timedelta: a moment, or a duration from now."""
    SELECTOR = "selector"
    """Selector: labels by Kubernetes' syntax, like key=value,key2=value2, each key once."""

    def read(self, text: str) -> Value:
        """The value of a text.

        Raises:
            InvalidValueError: it is not of that kind; the text says what is expected.
        """
        value = _READERS[self](text)
        if value is None:
            expected = f"{{}} is not a valid {self}; expected {_EXPECTED[self]}"
            raise InvalidValueError(say(expected, shorten(text)))
        return value


@dataclass(frozen=True, slots=True)
class Argument:
    """A word that a verb takes by its place; a repeatable one takes all that are left."""

    name: str
    kind: Kind = Kind.TEXT
    summary: str = ""
    required: bool = True
    repeatable: bool = False

    def __str__(self) -> str:
        text = self.name.upper() + ("..." if self.repeatable else "")
        return text if self.required else f"[{text}]"


@dataclass(frozen=True, slots=True)
class Option:
    """A value that a verb takes by name: `--name value` or `--name=value`."""

    name: str
    kind: Kind = Kind.TEXT
    summary: str = ""
    required: bool = False
    repeatable: bool = False

    def __str__(self) -> str:
        text = f"--{self.name} {self.kind.upper()}"
        return (text if self.required else f"[{text}]") + ("..." if self.repeatable else "")


@dataclass(frozen=True, slots=True)
class Verb:
    """One command that people can give.

    Raises:
        ValueError: a name is not in lower case, is used twice or means help; or a word could belong
            to two arguments, as a repeatable or optional one is not the last.
    """

    name: str
    positional: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    summary: str = ""
    examples: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for names in ([self.name], [each.name for each in self.positional], self.option_names):
            wrong = {"help"} & set(names) or [n for n in names if not _NAME.fullmatch(n)]
            if wrong or len(set(names)) < len(names):
                raise ValueError(f"invalid names for {self.name}: {names}")
        for before, after in zip(self.positional, self.positional[1:], strict=False):
            if before.repeatable or (after.required and not before.required):
                raise ValueError(f"{self.name}: {after.name} cannot follow {before.name}")

    @property
    def option_names(self) -> list[str]:
        """The names of its options, in order."""
        return [each.name for each in self.options]

    def __str__(self) -> str:
        return " ".join(["/switchyard", self.name, *map(str, (*self.positional, *self.options))])


def usage(verb: Verb) -> str:
    """The help of a verb, as plain text of several lines."""
    lines = [
        *(f"  {each}  {each.kind}  {each.summary}".rstrip() for each in verb.positional),
        *(f"  {each}  {each.summary}".rstrip() for each in verb.options),
    ]
    examples = ["", "Examples:", *(f"  {each}" for each in verb.examples)] if verb.examples else []
    return "\n".join([str(verb), "", verb.summary, *([""] if lines else []), *lines, *examples])


def shorten(text: str) -> str:
    """A word of the comment in quotes, cut to a length that fits a sentence."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _text(text: str) -> str | None:
    return text if text.strip() else None


def _name(text: str) -> str | None:
    found = _text(text)
    return found.lower() if found is not None and found.isascii() else found


def _count(text: str) -> int | None:
    return int(text) if _COUNT.fullmatch(text) else None


def _duration(text: str) -> timedelta | None:
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)


def _moment(text: str) -> datetime | None:
    """RFC 3339 allows a small `t` and `z`; None for what is outside the calendar of UTC."""
    if not _MOMENT.fullmatch(text.upper()):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _time(text: str) -> datetime | timedelta | None:
    return _moment(text) or _duration(text)


def _selector(text: str) -> Selector | None:
    matches = [_LABEL.fullmatch(part) for part in text.split(",")]
    labels = {match[1]: match[2] for match in matches if match}
    return Selector(labels) if len(labels) == len(matches) else None


_READERS: Mapping[Kind, Callable[[str], Value | None]] = {
    Kind.TEXT: _text,
    Kind.NAME: _name,
    Kind.COUNT: _count,
    Kind.DURATION: _duration,
    Kind.MOMENT: _moment,
    Kind.TIME: _time,
    Kind.SELECTOR: _selector,
}
_EXPECTED = {
    Kind.TEXT: "at least one visible character",
    Kind.NAME: "a name",
    Kind.COUNT: "a whole number, 0 or more",
    Kind.DURATION: "a duration such as 30m, 2h or 3d",
    Kind.MOMENT: "an RFC 3339 time such as 2026-12-24T18:00:00Z",
    Kind.TIME: "a time such as 2026-12-24T18:00:00Z, or a duration such as 30m, 2h or 3d",
    Kind.SELECTOR: "labels such as key=value,key2=value2, each key once",
}
