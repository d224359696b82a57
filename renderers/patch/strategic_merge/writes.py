"""What a strategic merge patch sets, by the same rules as `merge`."""

from collections.abc import Iterator, Mapping

from planners.model import Json
from renderers.kubernetes.patch_meta import Field, Shape, shape_of
from renderers.patch.strategic_merge.merge import (
    DELETE_PRIMITIVES,
    DIRECTIVE,
    RETAIN_KEYS,
    SET_ORDER,
    Object,
)
from renderers.writes import REMOVED, Item, Position, Step, Write, WritePath, item_keys


def writes(item: Object, patch: Object, custom: Mapping[str, Json] | None) -> list[Write]:
    """The writes of a patch that `merge` accepts."""
    return list(_map((), item, patch, shape_of(item, custom)))


def _map(path: WritePath, old: Json, patch: Object, shape: Shape) -> Iterator[Write]:
    if DIRECTIVE in patch or shape.atomic:
        kept = {} if patch.get(DIRECTIVE) == "delete" else _without_directives(patch)
        yield Write(path, kept)
        return
    if not patch:
        yield Write(path, {}, whole=False)
    current = old if isinstance(old, dict) else {}
    retained = patch.get(RETAIN_KEYS)
    if isinstance(retained, list):
        yield from (Write((*path, key), REMOVED) for key in current if key not in retained)
    for key, value in patch.items():
        if key == RETAIN_KEYS:
            continue
        if key.startswith(DELETE_PRIMITIVES):
            name = key.removeprefix(DELETE_PRIMITIVES)
            known = shape.field(name)
            for each in value if isinstance(value, list) else ():
                yield Write((*path, name, _step(each, known)), REMOVED)
        elif key.startswith(SET_ORDER):
            yield Write((*path, key), value)
        else:
            yield from _value((*path, key), current.get(key), value, shape.field(key))


def _value(path: WritePath, old: Json, value: Json, known: Field) -> Iterator[Write]:
    match value:
        case None:
            yield Write(path, REMOVED)
        case dict() if value.get(DIRECTIVE) == "delete" and not isinstance(old, dict):
            yield Write(path, REMOVED)
        case dict():
            yield from _map(path, old, value, known.shape)
        case list() if known.merges:
            yield from _list(path, old, value, known)
        case _:
            yield Write(path, value)


def _list(path: WritePath, old: Json, patch: list[Json], known: Field) -> Iterator[Write]:
    directives = [each.get(DIRECTIVE) if isinstance(each, dict) else None for each in patch]
    if "replace" in directives:
        kept = [each for each, directive in zip(patch, directives, strict=True) if not directive]
        yield Write(path, kept)
        return
    current = {_step(each, known): each for each in (old if isinstance(old, list) else [])}
    for each, directive in zip(patch, directives, strict=True):
        step = _step(each, known)
        if directive == "delete":
            yield Write((*path, step), REMOVED)
        elif isinstance(each, dict):
            yield from _map((*path, step), current.get(step), each, known.shape)
        else:
            yield Write((*path, step), each)


def _step(item: Json, known: Field) -> Step:
    keys = item_keys(item, known)
    return Item(keys) if keys is not None else Position(0)


def _without_directives(patch: Object) -> Object:
    return {
        key: value for key, value in patch.items() if value is not None and not key.startswith("$")
    }
