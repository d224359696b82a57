"""Reads the commands in a comment."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import islice
from typing import TypeVar

from bot.chatops.parser.grammar import (
    Argument,
    InvalidValueError,
    Option,
    Value,
    Verb,
    shorten,
    usage,
)
from bot.chatops.parser.lines import Line, addressed
from bot.chatops.parser.words import UnterminatedQuoteError, Word, split
from bot.wording.prose import NOTHING, Prose, ProseError, say

MOST_COMMANDS = 10

T = TypeVar("T", bound=Value)


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """A line that fits its verb: `line` counts from 1, `verb` is the verb's name.

    `arguments` and `options` hold the values by name, in the order of the comment; what was not
    given is absent, and what is not repeatable has one value. `typed` is the line after the
    address: it stays the same when verbs change.
    """

    line: int
    verb: str
    arguments: Mapping[str, tuple[Value, ...]]
    options: Mapping[str, tuple[Value, ...]]
    typed: str = field(default="", compare=False)

    def every(self, name: str, of: type[T]) -> tuple[T, ...]:
        """The values of an argument or option, which are of that type; none if it is missing."""
        values = (*self.arguments.get(name, ()), *self.options.get(name, ()))
        return tuple(value for value in values if isinstance(value, of))

    def first(self, name: str, of: type[T]) -> T | None:
        """The first of those values, or None."""
        return next(iter(self.every(name, of)), None)


@dataclass(frozen=True, slots=True)
class Help:
    """A request for the help of a verb or, with `verb` empty, of all verbs; `text` is plain."""

    line: int
    verb: str
    text: str
    typed: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A line that addresses the bot but is no valid command; `hint` may be empty."""

    line: int
    message: Prose
    hint: Prose = NOTHING
    typed: str = field(default="", compare=False)


Result = ParsedCommand | Help | Mistake


class _MistakeError(ProseError):
    def __init__(self, message: Prose, hint: Prose = NOTHING) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class CommandReader:
    """Reads comments to the bot of that login, as its forge writes it; it knows these verbs."""

    login: str
    verbs: tuple[Verb, ...]

    def read(self, text: str) -> tuple[Result, ...]:
        """Every line that addresses the bot, in order: at most ten, then a Mistake for the rest."""
        lines = list(islice(addressed(text, self.login), MOST_COMMANDS + 1))
        results = [
            replace(self._result(line), typed=line.rest or line.problem)
            for line in lines[:MOST_COMMANDS]
        ]
        if len(lines) > MOST_COMMANDS:
            message = say(f"only the first {MOST_COMMANDS} commands of a comment are executed")
            hint = say("post the others in another comment")
            results.append(Mistake(lines[-1].number, message, hint))
        return tuple(results)

    def new_commands(self, before: str | None, after: str) -> tuple[Result, ...]:
        """The results of an edited comment that it did not have before; all of a new one (None).

        Results are the same if they mean the same, wherever they stand and however they are
        written; one that stands there twice now and stood there once is new once.
        """
        known = [] if before is None else [replace(each, line=0) for each in self.read(before)]
        found = []
        for result in self.read(after):
            meaning = replace(result, line=0)
            if meaning in known:
                known.remove(meaning)
            else:
                found.append(result)
        return tuple(found)

    def _result(self, line: Line) -> Result:
        try:
            return self._command(line)
        except _MistakeError as refused:
            return Mistake(line.number, refused.text, refused.hint)

    def _command(self, line: Line) -> Result:
        if line.problem:
            raise _MistakeError(say(line.problem))
        word, _, rest = line.rest.partition(" ")
        words = _split(unicodedata.normalize("NFC", rest))
        if _lower(word) == "help" or _asks_help(_split(word)):
            return self._help(line.number, words[0].text if words else "")
        verb = self._verb(word)
        if _asks_help(words):
            return self._help(line.number, verb.name)
        positional, options = _gather(verb, words)
        return ParsedCommand(
            line.number, verb.name, _place(verb, positional), _values(verb.options, options, verb)
        )

    def _help(self, line: int, name: str) -> Help:
        if not name:
            return Help(line, "", "\n".join(f"{each}\n  {each.summary}" for each in self.verbs))
        verb = self._verb(name)
        return Help(line, verb.name, usage(verb))

    def _verb(self, word: str) -> Verb:
        """The verb of that name; letters match in either case, and ASCII ones alone."""
        names = {verb.name: verb for verb in self.verbs}
        known = say("commands: {}", ", ".join([*names, "help"]))
        if not word:
            raise _MistakeError(say("no command given"), known)
        if _lower(word) not in names:
            hint = _nearest(word, list(names), "") or known
            raise _MistakeError(say("unknown command {}", shorten(word)), hint)
        return names[_lower(word)]


def _usage(verb: Verb) -> Prose:
    return say("usage: {}", str(verb))


def _lower(word: str) -> str:
    return word.lower() if word.isascii() else word


def _nearest(word: str, names: Sequence[str], prefix: str) -> Prose:
    found = get_close_matches(word.lower(), names, 1)
    return say("did you mean {}?", f"{prefix}{found[0]}") if found else NOTHING


def _split(text: str) -> tuple[Word, ...]:
    try:
        return split(text)
    except UnterminatedQuoteError as error:
        raise _MistakeError(error.text, say("close it, or escape it with a backslash")) from None


def _asks_help(words: Sequence[Word]) -> bool:
    return any(word.option is not None and _lower(word.option) == "help" for word in words)


def _gather(verb: Verb, words: Sequence[Word]) -> tuple[list[str], dict[str, list[str]]]:
    """The words by place, and those of each option."""
    positional: list[str] = []
    options: dict[str, list[str]] = {}
    left = iter(words)
    for word in left:
        if word.option is None:
            positional.append(word.text)
            continue
        typed, equals, value = word.option.partition("=")
        name = _lower(typed)
        if name not in verb.option_names:
            hint = _nearest(typed, verb.option_names, "--") or _usage(verb)
            message = say("{} has no option {}", verb.name, shorten("--" + typed))
            raise _MistakeError(message, hint)
        if not equals:
            following = next(left, None)
            if following is None or following.option is not None:
                raise _MistakeError(say("{} requires a value", f"--{name}"), _usage(verb))
            value = following.text
        options.setdefault(name, []).append(value)
    return positional, options


def _place(verb: Verb, words: Sequence[str]) -> dict[str, tuple[Value, ...]]:
    """The values of the arguments by name.

    Raises:
        _MistakeError: there are too many or too few, or one is invalid.
    """
    given: dict[str, list[str]] = {}
    left = list(words)
    for argument in verb.positional:
        count = len(left) if argument.repeatable else 1
        if left:
            given[argument.name], left = left[:count], left[count:]
    if left:
        raise _MistakeError(say("unexpected argument {}", shorten(left[0])), _usage(verb))
    return _values(verb.positional, given, verb)


def _values(
    fields: Sequence[Argument | Option], given: Mapping[str, Sequence[str]], verb: Verb
) -> dict[str, tuple[Value, ...]]:
    """The values by name.

    Raises:
        _MistakeError: one is missing, given twice, or invalid.
    """
    found: dict[str, tuple[Value, ...]] = {}
    for each in fields:
        label = f"--{each.name}" if isinstance(each, Option) else each.name
        texts = given.get(each.name, ())
        if each.required and not texts:
            raise _MistakeError(say("missing {}", label), _usage(verb))
        if len(texts) > 1 and not each.repeatable:
            raise _MistakeError(say("{} can be given only once", label), _usage(verb))
        try:
            values = tuple(each.kind.read(text) for text in texts)
        except InvalidValueError as error:
            raise _MistakeError(say("{}: {}", label, error.text), _usage(verb)) from None
        if values:
            found[each.name] = values
    return found
