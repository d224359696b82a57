"""Values of the cluster in customisations: `${cluster.name}`, `${cluster.labels.x}` and the like.

A reference may have a default, `${cluster.values.x:-10}`; `$${cluster.name}` stands for itself
without the first dollar. Nothing else between `${` and `}` is touched, so that shell scripts and
the like stay as they are. A string that is one reference and nothing else takes the value's own
type.
"""

import re
from collections.abc import Iterator

from planners.model import Cluster, Json

_REFERENCE = re.compile(r"(\$?)\$\{(cluster\b[^:}]*)(?::-([^}]*))?\}")
_SHAPE = re.compile(r"cluster\.(?:name|(?:labels|values)\..+)")


class ValueReferenceError(Exception):
    """A reference to something that there is not; the text says what there is."""


def references(value: Json) -> frozenset[str]:
    """What a value refers to, such as `cluster.labels.region`, anywhere in it."""
    return frozenset(_references(value))


def _references(value: Json) -> Iterator[str]:
    match value:
        case str():
            for escape, name, _ in _REFERENCE.findall(value):
                if not escape:
                    yield name
        case list():
            for each in value:
                yield from _references(each)
        case dict():
            for each in value.values():
                yield from _references(each)
        case _:
            return


def lookup(name: str, cluster: Cluster) -> Json:
    """The value of a reference on a cluster; None where the cluster has none.

    Raises:
        ValueReferenceError: no reference is written like this.
    """
    if not _SHAPE.fullmatch(name):
        raise ValueReferenceError(
            f"${{{name}}} is unknown; there are ${{cluster.name}}, ${{cluster.labels.<key>}} and "
            f"${{cluster.values.<name>}}"
        )
    _, part, *rest = name.split(".", 2)
    if part == "name":
        return cluster.name
    held = cluster.labels if part == "labels" else cluster.values
    return held.get(rest[0])


def fill(value: Json, cluster: Cluster) -> Json:
    """A copy with every reference replaced.

    Raises:
        ValueReferenceError: a reference is unknown, or has neither a value nor a default.
    """
    match value:
        case str():
            return _fill_string(value, cluster)
        case list():
            return [fill(each, cluster) for each in value]
        case dict():
            return {key: fill(each, cluster) for key, each in value.items()}
        case _:
            return value


def fill_text(text: str, cluster: Cluster) -> str:
    """A text with every reference replaced. Raises as `fill`."""
    return _REFERENCE.sub(lambda match: _text(_value(match, cluster)), text)


def _fill_string(text: str, cluster: Cluster) -> Json:
    whole = _REFERENCE.fullmatch(text)
    return _value(whole, cluster) if whole else fill_text(text, cluster)


def _value(match: re.Match[str], cluster: Cluster) -> Json:
    escape, name, default = match.groups()
    if escape:
        return match[0][1:]
    found = lookup(name, cluster)
    if found is not None:
        return found
    if default is None:
        part = "label" if name.startswith("cluster.labels") else "value"
        raise ValueReferenceError(
            f"cluster {cluster.name} has no {part} {name.split('.', 2)[2]!r}; give it one, or "
            f"write a default: ${{{name}:-...}}"
        )
    return str(default)


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
