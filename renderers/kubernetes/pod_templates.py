"""The pod templates that an object holds, wherever Kubernetes' own workloads keep one."""

from collections.abc import Iterator, Mapping

from planners.model import Json

_PLACES = (
    ("spec", "template"),
    ("spec", "jobTemplate", "spec", "template"),
    ("template",),
)


def pod_templates(item: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Each pod template of an object and its path; a Pod is one itself, at the empty path.

    A custom resource counts when it keeps a template where Kubernetes' own workloads do.
    """
    if item.get("kind") == "Pod":
        yield "", item
    for place in _PLACES:
        found: Json = dict(item)
        for key in place:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, dict) and isinstance(found.get("spec"), dict):
            yield ".".join(place), found
