"""Finds the selectors of a document, and the clusters that they name."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from bot.documents.models.placement import AllOfPart
from bot.documents.problems import DocumentPositions, Problem, suggest
from bot.documents.types import SelectorPart
from renderers.yaml import Path


@dataclass(frozen=True, slots=True)
class LocatedSelector:
    """A selector of a document, with its path."""

    part: SelectorPart
    path: Path


def selectors(document: BaseModel, path: Path = ()) -> Iterator[LocatedSelector]:
    """Every selector of a document; `except` inside of one belongs to it."""
    is_choice = isinstance(document, AllOfPart) and document.any_of is not None
    if isinstance(document, SelectorPart) and not is_choice:
        yield LocatedSelector(document, path)
        return
    for name, info in type(document).model_fields.items():
        value, key = getattr(document, name), info.alias or name
        if isinstance(value, BaseModel):
            yield from selectors(value, (*path, key))
        elif isinstance(value, list):
            for index, each in enumerate(value):
                if isinstance(each, BaseModel):
                    yield from selectors(each, (*path, key, index))


def unknown_names(
    document: BaseModel, positions: DocumentPositions, clusters: Collection[str]
) -> Iterator[Problem]:
    """Names in selectors that no cluster of the fleet has."""
    for located in selectors(document):
        part: SelectorPart | None = located.part
        path = located.path
        while part is not None:
            for index, name in enumerate(part.names or ()):
                if name not in clusters:
                    position = positions.at(*path, "names", index)
                    message = f"unknown cluster {name!r}"
                    yield Problem(position, message, suggest(name, clusters))
            part, path = part.excluded, (*path, "except")
