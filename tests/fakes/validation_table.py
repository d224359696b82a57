"""The table of validation cases: accepted objects, and changes that an API server refuses."""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import jsonpointer

from renderers import yaml

FOLDER = Path(__file__).parent.parent / "unit" / "renderers"


@cache
def accepted() -> Mapping[str, dict[str, Any]]:
    """The accepted objects, by kind and name."""
    documents = yaml.load_documents((FOLDER / "validation_accepted.yaml").read_bytes())
    items: list[Any] = [each.value for each in documents]
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in items}


@cache
def refused() -> tuple[dict[str, Any], ...]:
    """The rows of changes."""
    (document,) = yaml.load_documents((FOLDER / "validation_refused.yaml").read_bytes())
    rows: Any = document.value
    return tuple(rows)


def changed(row: Mapping[str, Any]) -> dict[str, Any]:
    """The object of a row after its changes; null deletes, `@N` stands for a text of N letters."""
    item = deepcopy(accepted()[row["in"]])
    for pointer, value in row.items():
        if not pointer.startswith("/"):
            continue
        parent, key = _parent(item, pointer)
        if value is None:
            del parent[key]
        elif isinstance(parent, list) and key == len(parent):
            parent.append(_long(value))
        else:
            parent[key] = _long(value)
    return item


def _parent(item: dict[str, Any], pointer: str) -> tuple[Any, Any]:
    parts = jsonpointer.JsonPointer(pointer).parts
    found: Any = item
    for part in parts[:-1]:
        found = found[int(part)] if isinstance(found, list) else found.setdefault(part, {})
    return found, int(parts[-1]) if isinstance(found, list) else parts[-1]


def _long(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _long(each) for key, each in value.items()}
    if isinstance(value, str) and value.startswith("@") and value[1:].isdigit():
        return "x" * int(value[1:])
    return value
