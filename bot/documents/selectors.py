"""Finds the selectors of a document, those that match nothing, and entries never reached."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from bot.documents.models.placement import AllOfPart
from bot.documents.problems import DocumentPositions, Problem, suggest
from bot.documents.types import SelectorPart
from planners.model import FilePosition, Fleet
from planners.model.selectors import Selector
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


def idle_selectors(
    document: BaseModel, positions: DocumentPositions, fleet: Fleet
) -> Iterator[Problem]:
    """Selectors that match no cluster; `references` finds names that no cluster has."""
    known_names = {cluster.name for cluster in fleet.clusters}
    for located in selectors(document):
        selector = located.part.value()
        known = known_names >= set(selector.names or ())
        if known and not any(selector.matches(cluster) for cluster in fleet.clusters):
            message = f"{selector} matches no cluster of the fleet"
            yield Problem(positions.at(*located.path), message, _selector_hint(selector, fleet))


def _selector_hint(selector: Selector, fleet: Fleet) -> str:
    """The closest name, label or label value in the fleet."""
    for key, value in selector.match_labels.items():
        values = {c.labels[key] for c in fleet.clusters if key in c.labels}
        if not values:
            keys = {name for cluster in fleet.clusters for name in cluster.labels}
            return suggest(key, keys)
        if value not in values:
            return f"values of {key}: {', '.join(sorted(values)[:8])}"
    return ""


@dataclass(frozen=True, slots=True)
class OrderedEntry:
    """An entry of a list in which the first one that selects a cluster counts (None: all)."""

    label: str
    clusters: Selector | None
    position: FilePosition


def unreachable(entries: Iterable[OrderedEntry]) -> Iterator[Problem]:
    """Entries after one that selects all clusters, or the same ones."""
    every, first = Selector().identity, dict[Hashable, FilePosition]()
    for each in entries:
        key = every if each.clusters is None else each.clusters.identity
        for selected, earlier in (("all", first.get(every)), ("the same", first.get(key))):
            if earlier is not None:
                message = f"{each.label} is never reached: {earlier} selects {selected} clusters"
                yield Problem(each.position, message, "move it before that one, or remove it")
                break
        first.setdefault(key, each.position)
