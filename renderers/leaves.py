"""An object as its leaves, so that two changes of it can be compared field by field."""

import json
from collections.abc import Mapping
from typing import TypeAlias

from planners.model import Json

Leaves: TypeAlias = Mapping[str, Json]
MISSING = "\0missing"


def leaves(value: Json) -> dict[str, Json]:
    """Path (`spec.template.spec.containers[name=web].image`) -> plain value, of every leaf.

    Items of a list are told apart by their `name` where each has one of its own, else by their
    content: an item that another one pushes along stays the same leaf.
    """
    found: dict[str, Json] = {}
    _collect(value, "", found)
    return found


def _collect(value: Json, path: str, found: dict[str, Json]) -> None:
    match value:
        case dict() if value:
            for key, each in value.items():
                _collect(each, f"{path}.{key}" if path else key, found)
        case list() if value:
            names = [each.get("name") for each in value if isinstance(each, dict)]
            named = len({str(name) for name in names}) == len(value) and None not in names
            for each in value:
                if named and isinstance(each, dict):
                    _collect(each, f"{path}[name={each['name']}]", found)
                else:
                    found[f"{path}[{json.dumps(each, sort_keys=True)}]"] = True
        case _:
            found[path] = value


def changed(before: Leaves, after: Leaves) -> dict[str, Json]:
    """The leaves that differ, with their values after; MISSING for those that are gone."""
    return {
        path: after.get(path, MISSING)
        for path in before.keys() | after.keys()
        if not same(before.get(path, MISSING), after.get(path, MISSING))
    }


def same(one: Json, other: Json) -> bool:
    """Equal, and of one type: 1 and true are not the same."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
