"""Substitutes values in customisations: of the cluster, and of what a component calls there.

References are `${cluster.name}`, `${cluster.labels.<key>}`, `${cluster.values.<name>}` (and
`.<name>` again for nested values), each with an optional type and an optional default:
`${cluster.labels.size:int:-10}`. A default may contain references. `$${cluster.name}` is an escape
for the literal text. `${connect.<component>.host}` and `.port` say where the component that is
customised reaches another one. Any other `${...}` is left unchanged, so that shell scripts stay
intact.

A string that consists of one reference takes the type of the value, or of the default of a value,
unless the reference states a type. Labels are strings.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from planners.model import Cluster, Json
from renderers.connections import Address

_CALLED = r"connect\.[a-z0-9-]+\.(?:host|port)"
_START = re.compile(rf"\$?\$\{{(?:cluster\b|{_CALLED}(?![\w.-]))")
_HEAD = re.compile(
    rf"\$\{{(cluster\b[^:{{}}]*|{_CALLED})(?::(string|int|number|bool)(?=[:}}]))?(:-|\}})"
)
_BRACE = re.compile(r"\$\{|\}")
_VALID_REFERENCE = re.compile(rf"cluster\.(?:name|(?:labels|values)\.[^\s:${{}}]+)|{_CALLED}")
_SHOWN = re.compile(r"[^}\n]{0,60}\}?")
_IN_FILES = re.compile(
    rb"\$\{(?:cluster\.(?:name|(?:labels|values)\.[^\s:${}]+)|" + _CALLED.encode() + rb")\b\}?"
)
_SYNTAX = "use ${cluster.name}, ${cluster.labels.<key>} or ${cluster.values.<name>}"


MAX_DEFAULT, MAX_LEVELS = 4_096, 10
"""The length of a default, and how many references may be in it."""


class ValueReferenceError(Exception):
    """A reference is unknown or has no value; the message says what is available."""


Addresses: TypeAlias = Mapping[str, tuple[Address, ...]]
"""Where a component on one cluster reaches each component that it calls."""

CALLED = "connect."
"""How references to what a component calls begin."""

_UNRESOLVED: Mapping[str, tuple[Json, ...]] = {"host": ("unresolved.invalid",), "port": (1,)}


@dataclass(frozen=True, slots=True)
class Place:
    """What values are looked up for: a component on a cluster.

    `addresses` is None before placement has decided them; any value will do until then.
    """

    cluster: Cluster
    component: str = ""
    addresses: Addresses | None = None

    def called(self, name: str, field: str) -> tuple[Json, ...]:
        """The distinct hosts or ports of a component that is called; empty if it is not."""
        if self.addresses is None:
            return _UNRESOLVED[field]
        found = self.addresses.get(name, ())
        values = [each.host if field == "host" else each.port for each in found]
        return tuple(dict.fromkeys(values))


@dataclass(frozen=True, slots=True)
class _Reference:
    """A reference in a text: its name, type (empty: none) and default, and where it ends.

    One that is not `closed` begins a reference, and ends without a brace.
    """

    name: str
    cast: str
    default: str | None
    end: int
    closed: bool = True


def references(value: Json) -> frozenset[str]:
    """All references in a value, such as `cluster.labels.region`, at any depth."""
    return frozenset(_references(value))


def _references(value: Json) -> Iterator[str]:
    match value:
        case str():
            for part in _parts(value):
                if isinstance(part, _Reference):
                    yield part.name
                    yield from _references(part.default)
        case list():
            for each in value:
                yield from _references(each)
        case dict():
            for key, each in value.items():
                yield from _references(key)
                yield from _references(each)
        case _:
            return


def unused_references(files: Mapping[str, bytes]) -> Iterator[tuple[str, int, int, str]]:
    """The first reference of each file that nothing replaces: file, line, column and text."""
    for file, content in sorted(files.items()):
        found = _IN_FILES.search(content) if b"${c" in content else None
        if found is not None:
            before = content[: found.start()]
            column = found.start() - before.rfind(b"\n")
            yield file, before.count(b"\n") + 1, column, found[0].decode()


def lookup(name: str, place: Place) -> Json:
    """The value of a reference at a place; None if there is no such value there.

    Raises:
        ValueReferenceError: the reference is unknown, or has several values.
    """
    if not _VALID_REFERENCE.fullmatch(name):
        _fail(f"${{{name}}} is unknown")
    root, part, *rest = name.split(".", 2)
    cluster = place.cluster
    if root == "connect":
        return _called(place, part, rest[0])
    if part == "name":
        return cluster.name
    if part == "labels":
        return cluster.labels.get(rest[0])
    value: Json = dict(cluster.values)
    for key in rest[0].split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _called(place: Place, component: str, field: str) -> Json:
    found = place.called(component, field)
    if len(found) > 1:
        raise ValueReferenceError(
            f"{place.component} on {place.cluster.name} reaches {component} at more than one "
            f"{field} ({', '.join(map(str, found))}): write it for each cluster, or let "
            f"`connectivity` call one port on clusters with one way"
        )
    return found[0] if found else None


def substitute(value: Json, place: Place) -> Json:
    """A copy with every reference replaced by its value, in keys too.

    Raises:
        ValueReferenceError: a reference is unknown, or has neither a value nor a default, or two
            keys become equal.
    """
    match value:
        case str():
            return _substitute_string(value, place)
        case list():
            return [substitute(each, place) for each in value]
        case dict():
            made = {substitute_text(k, place): substitute(v, place) for k, v in value.items()}
            if len(made) < len(value):
                keys = ", ".join(sorted(key for key in value if references(key)))
                raise ValueReferenceError(
                    f"{keys} equals another key on cluster {place.cluster.name}"
                )
            return made
        case _:
            return value


def substitute_text(text: str, place: Place) -> str:
    """A text with every reference replaced. Raises like `substitute`."""
    return "".join(
        part if isinstance(part, str) else _text(part, _value(part, place)) for part in _parts(text)
    )


def _substitute_string(text: str, place: Place) -> Json:
    parts = list(_parts(text))
    if len(parts) == 1 and isinstance(parts[0], _Reference):
        return _value(parts[0], place)
    return substitute_text(text, place)


def _parts(text: str) -> Iterator[str | _Reference]:
    """The references of a text, and the literal text between them; escapes are removed."""
    position = 0
    while (found := _START.search(text, position)) is not None:
        if found.start() > position:
            yield text[position : found.start()]
        if found[0].startswith("$$"):
            yield found[0][1:]
            position = found.end()
        else:
            reference = _parse(text, found.start())
            yield reference
            position = reference.end
    if position < len(text):
        yield text[position:]


def _parse(text: str, start: int) -> _Reference:
    """The reference that begins there; one that is not valid has a name that `lookup` refuses."""
    head = _HEAD.match(text, start)
    if head is None:
        shown = _SHOWN.match(text, start + len("${"))
        assert shown is not None
        return _Reference(shown[0], "", None, shown.end(), shown[0].endswith("}"))
    name, cast, end = head[1], head[2] or "", head.end()
    if head[3] == "}":
        return _Reference(name, cast, None, end)
    depth, levels = 1, 1
    for brace in _BRACE.finditer(text, end, end + MAX_DEFAULT):
        if brace[0] == "}":
            depth -= 1
        else:
            depth, levels = depth + 1, levels + 1
        if depth == 0:
            return _Reference(name, cast, text[end : brace.start()], brace.end())
        if levels > MAX_LEVELS:
            break
    closed = levels > MAX_LEVELS or len(text) > end + MAX_DEFAULT
    return _Reference(f"{name}:-...", "", None, end, closed)


def _fail(message: str) -> NoReturn:
    raise ValueReferenceError(f"{message}; {_SYNTAX}, or $${{...}} for this text itself")


def _value(reference: _Reference, place: Place) -> Json:
    name, default = reference.name, reference.default
    if not reference.closed:
        _fail(f"${{{name} has no closing brace")
    found = lookup(name, place)
    if found is None and default is not None:
        found = _substitute_string(default, place)
        is_typed = name.startswith("cluster.values.") and reference.cast != "string"
        if is_typed and isinstance(found, str) and not references(default):
            found = _typed(found)
    if found is None and name.startswith(CALLED):
        called, calls = name.split(".")[1], sorted(place.addresses or ())
        raise ValueReferenceError(
            f"{place.component} does not call {called} on {place.cluster.name} (it calls "
            f"{', '.join(calls) or 'nothing'}); declare it in `connectivity`, or "
            f"write a default: ${{{name}:-...}}"
        )
    if found is None:
        part = "label" if name.startswith("cluster.labels") else "value"
        raise ValueReferenceError(
            f"cluster {place.cluster.name} has no {part} {name.split('.', 2)[2]!r}; add it, or "
            f"write a default: ${{{name}:-...}}"
        )
    return _cast(reference, found) if reference.cast else found


def _typed(text: str) -> Json:
    """A default as JSON reads it: `5` and `true` have their types, `"5"` and `five` are strings."""
    try:
        found: Json = json.loads(text, parse_constant=_reject)
    except (ValueError, RecursionError):
        return text
    return text if found is None or isinstance(found, dict | list) else found


def _reject(name: str) -> NoReturn:
    raise ValueError(name)


def _cast(reference: _Reference, value: Json) -> Json:
    if isinstance(value, dict | list):
        return _text(reference, value)
    try:
        return _CASTS[reference.cast](_scalar_text(value))
    except (KeyError, ValueError):
        raise ValueReferenceError(
            f"${{{reference.name}}} is not of type {reference.cast}; correct the cluster's value"
        ) from None


def _number(text: str) -> Json:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return int(number) if number.is_integer() and "." not in text else number


_BOOLS: Mapping[str, bool] = {"true": True, "false": False}
_CASTS: Mapping[str, Callable[[str], Json]] = {
    "string": str,
    "int": int,
    "number": _number,
    "bool": _BOOLS.__getitem__,
}


def _text(reference: _Reference, value: Json) -> str:
    if isinstance(value, dict | list):
        raise ValueReferenceError(
            f"${{{reference.name}}} is not a single value; write one of its fields, or nothing "
            f"else in this string"
        )
    return _scalar_text(value)


def _scalar_text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
