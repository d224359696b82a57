"""Problems: what is wrong in a document, where, and what to write instead."""

import difflib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from planners.model import FilePosition
from renderers.yaml import Path

MOST = 100

_EXPECTED = {
    "string_type": "a string",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake; `hint` is what to do about it."""

    position: FilePosition
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.position}: {self.message}{hint}"


@dataclass(frozen=True, slots=True)
class Located:
    """A document's positions: where a path of it stands in its file."""

    file: str
    places: Mapping[Path, tuple[int, int]]

    def at(self, *path: str | int) -> FilePosition:
        """Where that path stands, or the nearest part of it that is there."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                return FilePosition(self.file, *self.places[path[:length]])
        return FilePosition(self.file, 1, 1)


def finish(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sorted by place, at most a hundred, the last then says how many more there are."""
    found = sorted(
        set(problems), key=lambda each: (each.position.file, each.position.line, each.message)
    )
    if len(found) <= MOST:
        return tuple(found)
    more = Problem(found[MOST].position, f"{len(found) - MOST} more problems follow")
    return (*found[:MOST], more)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or all when there are few."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, 1, 0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there is: {', '.join(words)}" if words and len(words) <= 8 else ""  # noqa: PLR2004 - more is no hint


def from_pydantic(
    error: ValidationError, model: type[BaseModel], located: Located
) -> list[Problem]:
    """Pydantic's errors in our words, each at its place."""
    return [_one(dict(each), model, located) for each in error.errors()]


def _one(error: dict[str, Any], model: type[BaseModel], located: Located) -> Problem:
    path = tuple(part for part in error["loc"] if part not in {"[key]", "<one>", "<list>"})
    found, kind = error["input"], error["type"]
    place = located.at(*path)
    name = str(path[-1]) if path else ""
    match kind:
        case "extra_forbidden" if name == "helm":
            return Problem(place, "helm sources are not supported yet", "use manifests")
        case "extra_forbidden":
            return Problem(place, f"unknown key {name!r}", nearest(name, _keys(model, path[:-1])))
        case "missing":
            return Problem(located.at(*path[:-1]), f"key {name!r} is missing")
        case "literal_error":
            allowed = [str(each).strip("'") for each in error["ctx"]["expected"].split(" or ")]
            words = [each.strip(" '") for part in allowed for each in part.split(",")]
            message = f"{name} is {found!r}; expected {_either(words)}"
            return Problem(place, message, nearest(str(found), words) if len(words) > 1 else "")
        case "switchyard":
            return Problem(place, error["ctx"]["message"])
        case "greater_than_equal":
            return Problem(place, f"{name} is {found}; expected at least {error['ctx']['ge']}")
        case "too_short":
            return Problem(place, f"{name} is empty; expected at least one entry")
        case _ if kind in _EXPECTED:
            message = f"{name or 'the document'} is {_describe(found)}; expected {_EXPECTED[kind]}"
            return Problem(place, message)
        case _:
            return Problem(place, f"{name}: {error['msg']}")


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
    """The keys that the mapping at that path may have."""
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
    """The model inside `Model`, `Model | None`, `list[Model]` or an Annotated one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if isinstance(annotation, types.GenericAlias | types.UnionType) or typing.get_args(annotation):
        found = (_model_in(each) for each in typing.get_args(annotation))
        return next((each for each in found if each is not None), None)
    return None
