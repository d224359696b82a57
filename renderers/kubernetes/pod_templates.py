"""Finds the pod templates of an object, at the paths that Kubernetes' own workloads use."""

from collections.abc import Iterator, Mapping

from planners.model import Json

_TEMPLATE_PATHS = (
    ("spec", "template"),
    ("spec", "jobTemplate", "spec", "template"),
    ("template",),
)


def pod_templates(item: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Each pod template of an object and its path; a Pod is one itself, at the empty path.

    The paths are tried for every kind, so that templates in custom resources are found too.
    """
    if item.get("kind") == "Pod":
        yield "", item
    for path in _TEMPLATE_PATHS:
        found: Json = dict(item)
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, dict) and isinstance(found.get("spec"), dict):
            yield ".".join(path), found
