"""Finds the pod templates of an object: at the paths of workloads and by shape."""

from collections.abc import Iterator, Mapping

from planners.model import Json
from renderers.kubernetes.fields import fields, mapping, path_text

_SPEC_PATHS = (
    ("spec", "template", "spec"),
    ("spec", "jobTemplate", "spec", "template", "spec"),
    ("template", "spec"),
)
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


def pod_templates(item: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """The path of each pod spec in an object, and the template (`metadata` and `spec`) it is of.

    The spec of a Pod is one. The paths of Kubernetes' workloads are tried for every kind; apart
    from those, every mapping that holds a list of containers is one, whatever key it stands at.
    """
    if item.get("kind") == "Pod":
        yield "spec", item
    for field in fields(dict(item)):
        spec, path = field.value, field.path
        if not isinstance(spec, dict) or (path == ("spec",) and item.get("kind") == "Pod"):
            continue
        if path in _SPEC_PATHS or _holds_containers(spec):
            parent = _at(item, path[:-1]) if path[-1] == "spec" else {}
            yield path_text(path), {"metadata": parent.get("metadata", {}), "spec": spec}


def _holds_containers(spec: Mapping[str, Json]) -> bool:
    return any(
        isinstance(each, dict) and bool({"image", "name"} & each.keys())
        for field in _CONTAINERS
        for each in _items(spec.get(field))
    )


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _at(item: Mapping[str, Json], path: tuple[str | int, ...]) -> dict[str, Json]:
    value: Json = dict(item)
    for part in path:
        if isinstance(value, list) and isinstance(part, int):
            value = value[part]
        elif isinstance(value, dict):
            value = value[str(part)]
    return mapping(value)
