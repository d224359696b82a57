"""Substitutes cluster values in customisations, such as `${cluster.name}`.

References are `${cluster.name}`, `${cluster.labels.<key>}`, `${cluster.values.<name>}`, each with
an optional default (`${cluster.values.x:-10}`); `$${cluster.name}` is an escape for the literal
text. Any other `${...}` is left unchanged, so that shell scripts stay intact. A string that
consists of one reference takes the type of the value.
"""

import re
from collections.abc import Iterator

from planners.model import Cluster, Json

_REFERENCE = re.compile(r"(\$?)\$\{(cluster\b[^:}]*)(?::-([^}]*))?\}")
_VALID_REFERENCE = re.compile(r"cluster\.(?:name|(?:labels|values)\..+)")


class ValueReferenceError(Exception):
    """A reference is unknown or has no value; the message says what is available."""


def references(value: Json) -> frozenset[str]:
    """All references in a value, such as `cluster.labels.region`, at any depth."""
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
    """The value of a reference on a cluster; None if the cluster has no such value.

    Raises:
        ValueReferenceError: the reference is unknown.
    """
    if not _VALID_REFERENCE.fullmatch(name):
        raise ValueReferenceError(
            f"${{{name}}} is unknown; use ${{cluster.name}}, ${{cluster.labels.<key>}} or "
            f"${{cluster.values.<name>}}"
        )
    _, part, *rest = name.split(".", 2)
    if part == "name":
        return cluster.name
    held = cluster.labels if part == "labels" else cluster.values
    return held.get(rest[0])


def substitute(value: Json, cluster: Cluster) -> Json:
    """A copy with every reference replaced by its value.

    Raises:
        ValueReferenceError: a reference is unknown, or has neither a value nor a default.
    """
    match value:
        case str():
            return _substitute_string(value, cluster)
        case list():
            return [substitute(each, cluster) for each in value]
        case dict():
            return {key: substitute(each, cluster) for key, each in value.items()}
        case _:
            return value


def substitute_text(text: str, cluster: Cluster) -> str:
    """A text with every reference replaced. Raises like `substitute`."""
    return _REFERENCE.sub(lambda match: _text(_value(match, cluster)), text)


def _substitute_string(text: str, cluster: Cluster) -> Json:
    whole = _REFERENCE.fullmatch(text)
    return _value(whole, cluster) if whole else substitute_text(text, cluster)


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
            f"cluster {cluster.name} has no {part} {name.split('.', 2)[2]!r}; add it, or write "
            f"a default: ${{{name}:-...}}"
        )
    return str(default)


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
