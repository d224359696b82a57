"""Problems of documents: what is invalid, where, and how to correct it."""

import difflib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from planners.model import FilePosition
from renderers.policy.plaintext_secrets import holds_private_key
from renderers.yaml import Path

MAX_PROBLEMS = 100
MAX_SUGGESTIONS = 8

_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a document; `hint` says how to correct it."""

    position: FilePosition
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.position}: {self.message}{hint}"


@dataclass(frozen=True, slots=True)
class DocumentPositions:
    """The positions of a document's values in its file; `places` are (line, column)."""

    file: str
    places: Mapping[Path, tuple[int, int]]

    def at(self, *path: str | int) -> FilePosition:
        """The position of that path, or of its longest prefix that exists."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                return FilePosition(self.file, *self.places[path[:length]])
        return FilePosition(self.file, 1, 1)


def sorted_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems by position; after the first hundred, one entry gives the number of others."""
    ordered = sorted(
        set(problems), key=lambda each: (each.position.file, each.position.line, each.message)
    )
    if len(ordered) <= MAX_PROBLEMS:
        return tuple(ordered)
    message = f"{len(ordered) - MAX_PROBLEMS} more problems"
    return (*ordered[:MAX_PROBLEMS], Problem(ordered[MAX_PROBLEMS].position, message))


def suggest(word: str, known: Iterable[str]) -> str:
    """A hint with the closest known word, or with all of them if there are few."""
    words = sorted(known)
    same = [each for each in words if each.lower() == word.lower()]
    close = same or difflib.get_close_matches(word, words, 1, 0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"available: {', '.join(words)}" if 0 < len(words) <= MAX_SUGGESTIONS else ""


def validation_problems(
    error: ValidationError, model: type[BaseModel], positions: DocumentPositions
) -> list[Problem]:
    """The errors of pydantic as problems with positions; of another kind of document, only that."""
    errors = error.errors()
    of_kind = [each for each in errors if each["loc"] == ("kind",)]
    found = [each for each in of_kind if each["type"] == "literal_error"] or errors
    return [_problem(dict(each), model, positions) for each in found]


def _problem(
    error: dict[str, Any], model: type[BaseModel], positions: DocumentPositions
) -> Problem:
    path = tuple(part for part in error["loc"] if part not in {"[key]", "<one>", "<list>"})
    value, kind = error["input"], error["type"]
    position = positions.at(*path)
    name = _subject(path)
    if isinstance(value, str) and holds_private_key(value):
        hint = "remove it from Git and replace it; name a Secret that is in the clusters instead"
        return Problem(position, f"{name} is a private key", hint)
    match kind:
        case "extra_forbidden":
            hint = suggest(name, _keys(model, path[:-1]))
            return Problem(position, f"unknown key {name!r}", hint)
        case "missing":
            return Problem(positions.at(*path[:-1]), f"missing key {name!r}")
        case "literal_error":
            allowed = [str(each).strip("'") for each in error["ctx"]["expected"].split(" or ")]
            words = [each.strip(" '") for part in allowed for each in part.split(",")]
            message = f"{name} is {value!r}; expected {_either(words)}"
            return Problem(position, message, suggest(str(value), words) if len(words) > 1 else "")
        case "switchyard":
            return Problem(position, error["ctx"]["message"])
        case "greater_than_equal":
            return Problem(position, f"{name} is {value}; expected at least {error['ctx']['ge']}")
        case "too_short":
            return Problem(position, f"{name} is empty; expected at least one entry")
        case _ if kind in _EXPECTED:
            subject = name or "the document"
            message = f"{subject} is {_describe(value)}; expected {_EXPECTED[kind]}"
            return Problem(position, message)
        case _:
            return Problem(position, f"{name}: {error['msg']}")


def _subject(path: Sequence[str | int]) -> str:
    """The last key of a path, with the index of a list below it: `methods[0]`."""
    last = next((end for end in range(len(path), 0, -1) if isinstance(path[end - 1], str)), 0)
    indexes = "".join(f"[{each}]" for each in path[last:])
    return f"{path[last - 1]}{indexes}" if last else indexes


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _describe(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the string {value!r}"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _keys(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The permitted keys of the mapping at that path."""
    current: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int) or current is None:
            continue
        fields = current.model_fields.values()
        field = next((each for each in fields if each.alias == part), None)
        current = _model_in(field.annotation) if field else None
    if current is None:
        return []
    return [str(each.alias) for each in current.model_fields.values()]


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model in `Model`, `Model | None`, `list[Model]` or an annotated variant of these."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if isinstance(annotation, types.GenericAlias | types.UnionType) or typing.get_args(annotation):
        models = (_model_in(each) for each in typing.get_args(annotation))
        return next((each for each in models if each is not None), None)
    return None
