"""Dependencies that nobody has to write: what uses a custom kind needs its definition first."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from planners.model import Application, Component, Dependency, DependencyCondition, Json

Objects = Mapping[str, Sequence[Mapping[str, Json]]]


def with_implied(application: Application, objects: Objects) -> Application:
    """The application with a dependency on each component that defines a kind another one uses.

    `objects` are each component's, as its source has them. A definition must be applied, not ready,
    and only where its component is placed at all. What would close a circle is left out: there
    people have said otherwise.
    """
    home = {
        kind: name for name in sorted(objects) for item in objects[name] for kind in _defines(item)
    }
    parts = {part.name: part for part in application.components}
    for name in sorted(parts):
        known = {need.component for need in parts[name].depends_on if need.application is None}
        needed = {home.get(_kind(item), name) for item in objects.get(name, ())} - {name} - known
        for other in sorted(needed):
            if not _leads(parts, other, name):
                need = Dependency(other, when=DependencyCondition.APPLIED, implied=True)
                part = parts[name]
                parts[name] = replace(part, depends_on=(*part.depends_on, need))
    return replace(
        application, components=tuple(parts[each.name] for each in application.components)
    )


def _kind(item: Mapping[str, Json]) -> tuple[str, str]:
    return str(item.get("apiVersion")).rpartition("/")[0], str(item.get("kind"))


def _defines(item: Mapping[str, Json]) -> list[tuple[str, str]]:
    spec = item.get("spec")
    if item.get("kind") != "CustomResourceDefinition" or not isinstance(spec, dict):
        return []
    names = spec.get("names")
    return [(str(spec.get("group")), str(names.get("kind")))] if isinstance(names, dict) else []


def _leads(parts: Mapping[str, Component], start: str, end: str) -> bool:
    """Whether `start` depends on `end`, by however many steps."""
    todo, seen = [start], set()
    while todo:
        name = todo.pop()
        if name == end:
            return True
        if name in parts and name not in seen:
            seen.add(name)
            todo += [n.component for n in parts[name].depends_on if n.application is None]
    return False
