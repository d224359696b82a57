"""Finds fields in objects: all of them, or those at a path."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planners.model import Json

Path = tuple[str | int, ...]

_PLAIN = re.compile(r"[A-Za-z0-9_$-]+")
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Field:
    """A value in an object, and the keys and indexes that lead to it."""

    path: Path
    value: Json

    def __str__(self) -> str:
        return path_text(self.path)

    @property
    def pattern(self) -> str:
        """The path with `[*]` for every index."""
        return _INDEX.sub("[*]", path_text(self.path))


def path_text(path: Path) -> str:
    """A path in messages: `spec.rules[0].host`, `metadata.annotations['a/b']`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"['{part}']"
    return text


def fields(value: Json) -> Iterator[Field]:
    """Every entry of every mapping and list below a value, parents first."""
    stack = _entries((), value)
    while stack:
        field = stack.pop()
        yield field
        if isinstance(field.value, dict | list):
            stack += _entries(field.path, field.value)


def _entries(path: Path, value: Json) -> list[Field]:
    """The entries of a mapping or list, the last first."""
    if isinstance(value, dict):
        return [Field((*path, key), value[key]) for key in reversed(value)]
    if isinstance(value, list):
        indexes = range(len(value) - 1, -1, -1)
        return [Field((*path, index), value[index]) for index in indexes]
    return []


def select(item: Mapping[str, Json], pattern: str) -> tuple[Field, ...]:
    """The values at a pattern such as `spec.rules[*].host`; None where the last key is absent.

    A value that is no list counts as the only item of one.
    """
    found: tuple[Field, ...] = (Field((), dict(item)),)
    for part in pattern.split("."):
        key, _, items = part.partition("[")
        found = tuple(child for each in found for child in _below(each, key, items=bool(items)))
    return found


def _below(field: Field, key: str, *, items: bool) -> Iterator[Field]:
    if not isinstance(field.value, dict):
        return
    value, path = field.value.get(key), (*field.path, key)
    if items and isinstance(value, list):
        yield from (Field((*path, index), each) for index, each in enumerate(value))
    elif value is not None or not items:
        yield Field(path, value)


def texts(value: Json) -> tuple[str, ...]:
    """The items of a list as texts; a single value counts as a list of one."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(str(each) for each in items)


def mapping(value: Json) -> dict[str, Json]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def in_key_order(item: Mapping[str, Json]) -> dict[str, Json]:
    """A copy of an object with sorted keys; apiVersion, kind, metadata and names come first."""
    first = [key for key in ("apiVersion", "kind", "metadata") if key in item]
    rest = sorted(item.keys() - set(first))
    return {key: _sorted(item[key]) for key in (*first, *rest)}


def _sorted(value: Json) -> Json:
    match value:
        case dict():
            return {key: _sorted(value[key]) for key in sorted(value, key=_name_first)}
        case list():
            return [_sorted(each) for each in value]
        case _:
            return value


def _name_first(key: str) -> tuple[bool, str]:
    return key != "name", key
