"""Deep copies and nesting depth of JSON values, for all kinds of patch."""

from planners.model import Json

MAX_DEPTH = 100


def deep_copy(value: Json) -> Json:
    """A copy that shares no mapping and no list; recursive, so check `too_deep` first."""
    match value:
        case dict():
            return {key: deep_copy(each) for key, each in value.items()}
        case list():
            return [deep_copy(each) for each in value]
        case _:
            return value


def deep_copy_object(value: dict[str, Json]) -> dict[str, Json]:
    """`deep_copy` for an object."""
    return {key: deep_copy(each) for key, each in value.items()}


def levels(value: Json) -> int:
    """How many levels of mappings and lists a value has, counted up to MAX_DEPTH + 1.

    Iterative, so that no input can exhaust the stack.
    """
    level, found = _containers([value]), 0
    while level and found <= MAX_DEPTH:
        found += 1
        level = _containers([child for each in level for child in _children(each)])
    return found


def too_deep(value: Json) -> bool:
    """Whether the value is nested deeper than MAX_DEPTH levels."""
    return levels(value) > MAX_DEPTH


def _containers(values: list[Json]) -> list[Json]:
    return [each for each in values if isinstance(each, dict | list)]


def _children(value: Json) -> list[Json]:
    match value:
        case dict():
            return list(value.values())
        case list():
            return value
        case _:
            return []
