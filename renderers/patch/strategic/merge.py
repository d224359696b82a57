"""Kubernetes' strategic merge patch, for built-in kinds and for custom ones with a schema.

Source: the Kubernetes documentation "Update API Objects in Place Using kubectl patch"; kubectl is
the oracle (tests/tools/compare_strategic.py). A kind that is not built in and has no schema merges
maps and replaces lists, as RFC 7386 does.

Where this differs from `kubectl patch --local`, on purpose:

- What is new is merged as if into an empty value: its nulls and directives take effect and go.
  `--local` leaves some of them in and drops others with their mapping; API servers before 1.36
  made an empty item of a new list's `$patch: delete`.
- A directive that kubectl overlooks is refused: an unknown or misspelt `$patch` in a new value,
  `$patch` in a list that is replaced whole, `$deleteFromPrimitiveList` that is no list.
- `$deleteFromPrimitiveList` on a list that does not merge is refused; kubectl replaces that list
  by the very values that were to be deleted.
- Deletions from a list of plain values come after additions. kubectl goes by the random order of
  Go's maps when a patch has both.
- A merge key that is null, a mapping or a list is refused; on the latter two kubectl crashes.
- `$setElementOrder` over two empty lists is no error. New items next to an order that names nothing
  stand last.
- Fields that this table does not know are merged as maps and replaced lists. kubectl refuses them,
  but only if they are mappings or lists in both.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from planners.model import Json
from renderers.kubernetes.patch_meta import (
    Field,
    Key,
    MergeError,
    Shape,
    shape_of,
)
from renderers.patch._deep_copy import MAX_DEPTH, copied_object, too_deep
from renderers.patch.strategic.order import in_order, is_within, server_order

__all__ = ["MergeError", "merge"]

Object: TypeAlias = dict[str, Json]

PATCH, RETAIN = "$patch", "$retainKeys"
ORDER, DELETE = "$setElementOrder/", "$deleteFromPrimitiveList/"


def merge(item: Object, patch: Object, custom: Mapping[str, Json] | None = None) -> Object:
    """A new object: `patch` merged into `item`; both are left as they are.

    Args:
        item: the object, with apiVersion and kind.
        patch: a partial object, with directives.
        custom: the structural schema of a custom kind (`openAPIV3Schema`); without effect on a
            built-in kind.

    Raises:
        MergeError: a directive or a list does not fit, or something is nested too deeply.
    """
    for name, value in (("object", item), ("patch", patch)):
        if too_deep(value):
            raise MergeError(f"the {name} is nested deeper than {MAX_DEPTH} levels")
    return _merge_map(copied_object(item), copied_object(patch), shape_of(item, custom), "")


def _merge_map(old: Object, patch: Object, shape: Shape, path: str) -> Object:
    """Both arguments are used up."""
    if _directive(patch, path) or shape.atomic:
        return _new_map(patch, shape, path)
    _retain(old, patch, path)
    for key in [key for key in patch if key.startswith(ORDER)]:
        name = key.removeprefix(ORDER)
        _merge_ordered(old, patch, name, _Order(patch.pop(key), shape.field(name), path))
    for key, value in patch.items():
        if not key.startswith(DELETE):
            _merge_field(old, key, value, (shape.field(key), f"{path}/{key}"))
    for key, value in patch.items():
        if key.startswith(DELETE):
            name = key.removeprefix(DELETE)
            _delete_scalars(old, name, value, (shape.field(name), f"{path}/{name}"))
    return old


def _directive(patch: Object, path: str) -> str | None:
    """The `$patch` of a mapping or item: replace, delete or none."""
    if PATCH not in patch:
        return None
    match patch[PATCH]:
        case "replace" | "delete" as directive:
            return directive
        case "merge":
            raise MergeError(f"{path or '/'}: $patch: merge is no directive; merging needs none")
        case _:
            raise MergeError(f"{path or '/'}: $patch is either replace or delete")


def _merge_field(old: Object, name: str, value: Json, where: tuple[Field, str]) -> None:
    field, path = where
    there = old.get(name)
    if value is None:
        old.pop(name, None)
    elif isinstance(value, dict) and isinstance(there, dict):
        old[name] = _merge_map(there, value, field.shape, path)
    elif isinstance(value, list) and isinstance(there, list) and field.merges:
        old[name] = _merge_list(there, value, field, path)
    elif _is_deleted(value, path):
        old.pop(name, None)
    else:
        old[name] = _new(value, field, path)


def _is_deleted(value: Json, path: str) -> bool:
    """Whether a new mapping says of itself that it shall not be."""
    return isinstance(value, dict) and _directive(value, path) == "delete"


def _retain(old: Object, patch: Object, path: str) -> None:
    """`$retainKeys` names all fields that may remain."""
    if RETAIN not in patch:
        return
    keep = patch.pop(RETAIN)
    if not isinstance(keep, list):
        raise MergeError(f"{path or '/'}: $retainKeys is a list of field names")
    surplus = sorted(
        key
        for key, value in patch.items()
        if value is not None and key not in keep and not key.startswith((ORDER, DELETE))
    )
    if surplus:
        raise MergeError(f"{path or '/'}: $retainKeys does not name {', '.join(surplus)}")
    for key in [key for key in old if key not in keep]:
        del old[key]


def _delete_scalars(old: Object, name: str, gone: Json, where: tuple[Field, str]) -> None:
    field, path = where
    if not isinstance(gone, list):
        raise MergeError(f"{path}: $deleteFromPrimitiveList is a list")
    if not field.merges or field.keys:
        raise MergeError(
            f"{path}: $deleteFromPrimitiveList needs a list of plain values that merge"
        )
    there = old.get(name)
    if isinstance(there, list):
        keys = {field.key(each, path) for each in gone}
        old[name] = [each for each in there if field.key(each, path) not in keys]


class _Items(NamedTuple):
    """A patch for a list, sorted by what its items want."""

    plain: list[Json]
    deleted: set[Key]
    replaced: bool


def _sorted_out(patch: list[Json], field: Field, path: str) -> _Items:
    """Items to merge, the keys of `$patch: delete` items, and whether one says `replace`."""
    plain: list[Json] = []
    deleted: set[Key] = set()
    replaced = False
    for item in patch:
        directive = _directive(item, path) if isinstance(item, dict) else None
        if directive == "delete":
            deleted.add(field.key(item, path))
        elif directive == "replace":
            replaced = True
        else:
            plain.append(item)
    return _Items(plain, deleted, replaced)


def _merge_list(old: list[Json], patch: list[Json], field: Field, path: str) -> list[Json]:
    _of_one_type([*old, *patch], path)
    wanted = _sorted_out(patch, field, path)
    asked = [field.key(each, path) for each in wanted.plain]
    if wanted.replaced:
        return [_new(each, field, path) for each in wanted.plain]
    merged = [(field.key(each, path), each) for each in old]
    merged = [each for each in merged if each[0] not in wanted.deleted]
    server = [key for key, _ in merged]
    places: dict[Key, int] = {}
    for number, key in enumerate(server):
        places.setdefault(key, number)
    for key, item in zip(asked, wanted.plain, strict=True):
        if key not in places:
            places[key] = len(merged)
            merged.append((key, _new(item, field, field.below(key, path))))
        elif isinstance(item, dict):
            there = merged[places[key]][1]
            assert isinstance(there, dict)
            done = _merge_map(there, item, field.shape, field.below(key, path))
            merged[places[key]] = (key, done)
    if not field.keys:
        merged = list(dict(merged).items())
    return in_order(merged, asked, server)


def _of_one_type(items: Iterable[Json], path: str) -> None:
    """Lists that merge hold values of one type, and no lists or nulls."""
    types = {type(each) for each in items}
    if len(types) > 1 or types & {list, type(None)}:
        raise MergeError(f"{path}: the items of this list and of its patch are not of one type")


class _Order(NamedTuple):
    """The value of a `$setElementOrder/x`, with what is known of x and the path before it."""

    value: Json
    field: Field
    parent: str


def _merge_ordered(old: Object, patch: Object, name: str, order: _Order) -> None:
    """`$setElementOrder/x`: the order of those items of x that the patch speaks of."""
    field, path = order.field, f"{order.parent}/{name}"
    there, new = old.get(name, []), patch.get(name, [])
    if not isinstance(order.value, list):
        raise MergeError(f"{path}: $setElementOrder is a list")
    if not isinstance(there, list) or not isinstance(new, list):
        raise MergeError(f"{path}: $setElementOrder needs lists, in the object and in the patch")
    wanted = _sorted_out(new, field, path)
    keys = [field.key(each, path) for each in wanted.plain]
    named = [field.key(each, path) for each in order.value]
    if named and not is_within(keys, named):
        raise MergeError(f"{path}: $setElementOrder does not name all patched items in their order")
    server = [field.key(each, path) for each in there]
    if name in patch:
        server = server_order(server, wanted.deleted, keys, replaced=wanted.replaced)
        _merge_field(old, name, patch.pop(name), (field, path))
    if name in old:
        merged = old[name]
        assert isinstance(merged, list)
        old[name] = in_order([(field.key(each, path), each) for each in merged], named, server)


def _new(value: Json, field: Field, path: str) -> Json:
    """A value in place of none or of one that does not merge: without nulls and directives."""
    match value:
        case dict():
            return _new_map(value, field.shape, path)
        case list() if field.merges:
            plain = _sorted_out(value, field, path).plain
            return [_new(each, field, path) for each in plain]
        case list():
            if any(isinstance(each, dict) and PATCH in each for each in value):
                raise MergeError(f"{path}: $patch has no place in a list that is replaced whole")
            return [_new(each, Field(field.shape), path) for each in value]
        case _:
            return value


def _new_map(value: Object, shape: Shape, path: str) -> Object:
    if _directive(value, path) == "delete":
        return {}
    return {
        key: _new(each, shape.field(key), f"{path}/{key}")
        for key, each in value.items()
        if each is not None
        and key not in {PATCH, RETAIN}
        and not key.startswith((ORDER, DELETE))
        and not _is_deleted(each, f"{path}/{key}")
    }
