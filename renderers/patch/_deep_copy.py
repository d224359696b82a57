"""JSON values as trees: copies, and how deep they are. Called by everything that patches."""

from planners.model import Json

MAX_DEPTH = 100


def copied(value: Json) -> Json:
    """A value that shares no mapping and no list with this one; at most MAX_DEPTH levels deep."""
    match value:
        case dict():
            return {key: copied(each) for key, each in value.items()}
        case list():
            return [copied(each) for each in value]
        case _:
            return value


def copied_object(value: dict[str, Json]) -> dict[str, Json]:
    """The same for an object."""
    return {key: copied(each) for key, each in value.items()}


def levels(value: Json) -> int:
    """How many mappings and lists stand in each other at most; MAX_DEPTH + 1 for any more.

    It goes level by level, so that no depth is too much for it.
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
