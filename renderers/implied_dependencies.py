"""Adds dependencies on CustomResourceDefinitions: a custom resource needs its definition first."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from planners.model import Application, Dependency, DependencyCondition, Json
from planners.order import depends_on
from renderers.kubernetes.metadata import group_of

Objects = Mapping[str, Sequence[Mapping[str, Json]]]
GroupKind: TypeAlias = tuple[str, str]


def with_implied(application: Application, objects: Objects) -> Application:
    """The application with a dependency on each component that defines a kind another one uses.

    `objects` are the objects of each component as its source states them. A definition must be
    applied, not ready, and only where its component is placed. A dependency that would close a
    cycle is not added: the explicit dependencies take precedence.
    """
    definer = {
        kind: name
        for name in sorted(objects)
        for item in objects[name]
        for kind in _defined_kinds(item)
    }
    components = {each.name: each for each in application.components}
    for name in sorted(components):
        explicit = {
            need.component for need in components[name].depends_on if need.application is None
        }
        used = {definer.get(_kind(item), name) for item in objects.get(name, ())}
        for other in sorted(used - {name} - explicit):
            if not depends_on(components, other, name):
                need = Dependency(other, when=DependencyCondition.APPLIED, implied=True)
                component = components[name]
                components[name] = replace(component, depends_on=(*component.depends_on, need))
    return replace(
        application, components=tuple(components[each.name] for each in application.components)
    )


def _kind(item: Mapping[str, Json]) -> GroupKind:
    return group_of(item), str(item.get("kind"))


def _defined_kinds(item: Mapping[str, Json]) -> list[GroupKind]:
    spec = item.get("spec")
    if item.get("kind") != "CustomResourceDefinition" or not isinstance(spec, dict):
        return []
    names = spec.get("names")
    return [(str(spec.get("group")), str(names.get("kind")))] if isinstance(names, dict) else []
