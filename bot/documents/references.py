"""Finds names in a document whose type says that they refer to something which the fleet has."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from bot.documents.problems import DocumentPositions, Problem, suggest
from bot.documents.types import RefersTo
from renderers.yaml import Path

_MISSING = {
    "cluster": "",
    "tenant": "",
    "application": ": the fleet does not register it",
    "cluster label": ": no cluster of the fleet has it",
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A name, what it must be the name of, and its path in the document."""

    what: str
    name: str
    path: Path


def references(document: BaseModel, path: Path = ()) -> Iterator[Reference]:
    """Every name in a document whose type is marked, in its parts too."""
    for field, key, what in _fields(type(document)):
        value = getattr(document, field)
        entries = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, each in entries:
            at = (*path, key) if index is None else (*path, key, index)
            if isinstance(each, BaseModel):
                yield from references(each, at)
            elif what is not None and isinstance(each, str):
                yield Reference(what, each, at)


def unknown_references(
    document: BaseModel, positions: DocumentPositions, known: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    """Names that stand for nothing; `known` has those of each kind that is checked."""
    for each in references(document):
        if each.what in known and each.name not in known[each.what]:
            message = f"unknown {each.what} {each.name!r}{_MISSING[each.what]}"
            hint = suggest(each.name, known[each.what])
            yield Problem(positions.at(*each.path), message, hint)


@cache
def _fields(part: type[BaseModel]) -> tuple[tuple[str, str, str | None], ...]:
    """The fields of a part: name, key in the document, and what its names refer to."""
    return tuple(
        (field, info.alias or field, _referred(info.annotation, info.metadata))
        for field, info in part.model_fields.items()
    )


def _referred(annotation: Any, metadata: Collection[Any]) -> str | None:
    """What a type refers to, or the entries of a list, or one of several types."""
    for mark in metadata:
        if isinstance(mark, RefersTo):
            return mark.what
    for part in get_args(annotation):
        if (found := _referred(part, getattr(part, "__metadata__", ()))) is not None:
            return found
    return None
