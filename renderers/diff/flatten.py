"""Flattens an object into its leaves, so that changes can be compared field by field."""

import json
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from planners.model import Json

Leaves: TypeAlias = Mapping[str, Json]
ABSENT = "\0missing"


def leaves(value: Json) -> dict[str, Json]:
    """Path (`spec.template.spec.containers[name=web].image`) -> scalar, for every leaf.

    Items of a list are identified by their `name` if each has a unique one, else by their content,
    so that an item keeps its path when its index changes.
    """
    found: dict[str, Json] = {}
    _collect(value, "", found)
    return found


def leaf_path(value: Json, path: Iterable[str | int]) -> str:
    """Convert a path of keys and indexes from the root to the notation of `leaves`."""
    text = ""
    for step in path:
        if isinstance(step, int) and isinstance(value, list) and step < len(value):
            item = value[step]
            if isinstance(item, dict) and _are_named(value):
                text += f"[name={item['name']}]"
            else:
                text += f"[{json.dumps(item, sort_keys=True)}]"
            value = item
        elif isinstance(step, str):
            text += f".{step}" if text else step
            value = value.get(step) if isinstance(value, dict) else None
    return text


def _are_named(items: list[Json]) -> bool:
    """Whether each item has a unique name."""
    names = [each.get("name") for each in items if isinstance(each, dict)]
    return len({str(name) for name in names}) == len(items) and None not in names


def _collect(value: Json, path: str, found: dict[str, Json]) -> None:
    match value:
        case dict() if value:
            for key, each in value.items():
                _collect(each, f"{path}.{key}" if path else key, found)
        case list() if value:
            named = _are_named(value)
            for each in value:
                if named and isinstance(each, dict):
                    _collect(each, f"{path}[name={each['name']}]", found)
                else:
                    found[f"{path}[{json.dumps(each, sort_keys=True)}]"] = True
        case _:
            found[path] = value


def changed(before: Leaves, after: Leaves) -> dict[str, Json]:
    """The leaves that differ, with their new values; ABSENT for removed ones."""
    return {
        path: after.get(path, ABSENT)
        for path in before.keys() | after.keys()
        if not same(before.get(path, ABSENT), after.get(path, ABSENT))
    }


def same(one: Json, other: Json) -> bool:
    """Equality that distinguishes 1 from true."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
