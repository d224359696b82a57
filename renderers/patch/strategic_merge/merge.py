"""Kubernetes' strategic merge patch, for built-in kinds and for custom ones with a schema.

Source: the Kubernetes documentation "Update API Objects in Place Using kubectl patch"; kubectl is
the oracle (tests/tools/compare_strategic.py). A kind that is not built in and has no schema merges
maps and replaces lists, as RFC 7386 does.

Where this differs from `kubectl patch --local`, on purpose:

- New values are merged as if into an empty value: their nulls and directives take effect and are
  removed. `--local` keeps some of them and drops others with their mapping; API servers before
  1.36 turned `$patch: delete` in a new list into an empty item.
- Directives that kubectl ignores are rejected: an unknown or misspelt `$patch` in a new value,
  `$patch` in a list that is replaced as a whole, a `$deleteFromPrimitiveList` that is not a list.
- `$deleteFromPrimitiveList` on a list that does not merge is rejected; kubectl replaces that list
  with the values that were to be deleted.
- Deletions from a list of scalars are applied after additions. kubectl follows the random order of
  Go's maps when a patch has both.
- An item of a patch whose merge key several items have is rejected, such as the ports 53/TCP and
  53/UDP of a Service; kubectl merges both into the first.
- A merge key that is null, a mapping or a list is rejected; on the latter two kubectl crashes.
- `$setElementOrder` over two empty lists is not an error. New items that an empty order does not
  list are appended.
- Fields that the table does not contain are merged as mappings; their lists are replaced. kubectl
  rejects such fields, but only if they are mappings or lists on both sides.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from planners.model import Json
from renderers.kubernetes.patch_meta import (
    Field,
    Key,
    MergeError,
    Shape,
    shape_of,
)
from renderers.patch._json_trees import MAX_DEPTH, deep_copy_object, too_deep
from renderers.patch.strategic_merge.order import in_order, is_subsequence, server_order

__all__ = ["MergeError", "merge"]

Object: TypeAlias = dict[str, Json]

DIRECTIVE, RETAIN_KEYS = "$patch", "$retainKeys"
SET_ORDER, DELETE_PRIMITIVES = "$setElementOrder/", "$deleteFromPrimitiveList/"
LIST_DIRECTIVES = (SET_ORDER, DELETE_PRIMITIVES)


@dataclass(frozen=True, slots=True)
class _Location:
    """A field that is merged: its merge rules, and its path for error messages."""

    field: Field
    path: str


def merge(item: Object, patch: Object, custom: Mapping[str, Json] | None = None) -> Object:
    """Return a new object, `patch` merged into `item`; neither argument is modified.

    Args:
        item: the object, with apiVersion and kind.
        patch: a partial object, with directives.
        custom: the structural schema (`openAPIV3Schema`) of a custom kind; ignored for a built-in
            kind.

    Raises:
        MergeError: a directive or a list is invalid, or the nesting is too deep.
    """
    for name, value in (("object", item), ("patch", patch)):
        if too_deep(value):
            raise MergeError(f"the {name} is nested deeper than {MAX_DEPTH} levels")
    return _merge_map(deep_copy_object(item), deep_copy_object(patch), shape_of(item, custom), "")


def _merge_map(old: Object, patch: Object, shape: Shape, path: str) -> Object:
    """Merge in place; both arguments are consumed."""
    if _directive(patch, path) or shape.atomic:
        return _new_map(patch, shape, path)
    _retain(old, patch, path)
    for key in [key for key in patch if key.startswith(SET_ORDER)]:
        name = key.removeprefix(SET_ORDER)
        location = _Location(shape.field(name), f"{path}/{name}")
        _merge_ordered(old, patch, name, patch.pop(key), location)
    for key, value in patch.items():
        if not key.startswith(DELETE_PRIMITIVES):
            _merge_field(old, key, value, _Location(shape.field(key), f"{path}/{key}"))
    for key, value in patch.items():
        if key.startswith(DELETE_PRIMITIVES):
            name = key.removeprefix(DELETE_PRIMITIVES)
            _delete_scalars(old, name, value, _Location(shape.field(name), f"{path}/{name}"))
    return old


def _directive(patch: Object, path: str) -> str | None:
    """The `$patch` of a mapping or list item: replace, delete or None."""
    if DIRECTIVE not in patch:
        return None
    match patch[DIRECTIVE]:
        case "replace" | "delete" as directive:
            return directive
        case "merge":
            raise MergeError(
                f"{path or '/'}: $patch: merge is not a directive; merging is the default"
            )
        case _:
            raise MergeError(f"{path or '/'}: $patch must be replace or delete")


def _merge_field(old: Object, name: str, value: Json, location: _Location) -> None:
    field, path = location.field, location.path
    current = old.get(name)
    if value is None:
        old.pop(name, None)
    elif isinstance(value, dict) and isinstance(current, dict):
        old[name] = _merge_map(current, value, field.shape, path)
    elif isinstance(value, list) and isinstance(current, list) and field.merges:
        old[name] = _merge_list(current, value, field, path)
    elif _is_deleted(value, path):
        old.pop(name, None)
    else:
        old[name] = _new(value, field, path)


def _is_deleted(value: Json, path: str) -> bool:
    """Whether a new mapping carries `$patch: delete`."""
    return isinstance(value, dict) and _directive(value, path) == "delete"


def _retain(old: Object, patch: Object, path: str) -> None:
    """Apply `$retainKeys`: remove all fields that it does not list."""
    if RETAIN_KEYS not in patch:
        return
    keep = patch.pop(RETAIN_KEYS)
    if not isinstance(keep, list):
        raise MergeError(f"{path or '/'}: $retainKeys must be a list of field names")
    unlisted = sorted(
        key
        for key, value in patch.items()
        if value is not None and key not in keep and not key.startswith(LIST_DIRECTIVES)
    )
    if unlisted:
        raise MergeError(f"{path or '/'}: $retainKeys must list {', '.join(unlisted)}")
    for key in [key for key in old if key not in keep]:
        del old[key]


def _delete_scalars(old: Object, name: str, deleted: Json, location: _Location) -> None:
    field, path = location.field, location.path
    if not isinstance(deleted, list):
        raise MergeError(f"{path}: $deleteFromPrimitiveList must be a list")
    if not field.merges or field.keys:
        raise MergeError(
            f"{path}: $deleteFromPrimitiveList applies only to lists of scalars that merge"
        )
    current = old.get(name)
    if isinstance(current, list):
        keys = {field.key(each, path) for each in deleted}
        old[name] = [each for each in current if field.key(each, path) not in keys]


@dataclass(frozen=True, slots=True)
class _ListPatch:
    """A patch for a list: the items to merge, the keys to delete, whether it replaces the list."""

    items: list[Json]
    deleted: set[Key]
    replaced: bool


def _list_patch(patch: list[Json], field: Field, path: str) -> _ListPatch:
    """Split a patch for a list by the directives of its items."""
    items: list[Json] = []
    deleted: set[Key] = set()
    replaced = False
    for item in patch:
        directive = _directive(item, path) if isinstance(item, dict) else None
        if directive == "delete":
            deleted.add(field.key(item, path))
        elif directive == "replace":
            replaced = True
        else:
            items.append(item)
    return _ListPatch(items, deleted, replaced)


def _merge_list(old: list[Json], patch: list[Json], field: Field, path: str) -> list[Json]:
    _check_types([*old, *patch], path)
    wanted = _list_patch(patch, field, path)
    patched = [field.key(each, path) for each in wanted.items]
    if wanted.replaced:
        return [_new(each, field, path) for each in wanted.items]
    merged = [(field.key(each, path), each) for each in old]
    merged = [each for each in merged if each[0] not in wanted.deleted]
    server = [key for key, _ in merged]
    _check_unambiguous(server, patched, field, path)
    positions: dict[Key, int] = {}
    for number, key in enumerate(server):
        positions.setdefault(key, number)
    for key, item in zip(patched, wanted.items, strict=True):
        if key not in positions:
            positions[key] = len(merged)
            merged.append((key, _new(item, field, field.item_path(key, path))))
        elif isinstance(item, dict):
            current = merged[positions[key]][1]
            assert isinstance(current, dict)
            result = _merge_map(current, item, field.shape, field.item_path(key, path))
            merged[positions[key]] = (key, result)
    if not field.keys:
        merged = list(dict(merged).items())
    return in_order(merged, patched, server)


def _check_unambiguous(old: list[Key], patched: list[Key], field: Field, path: str) -> None:
    """A patched item must be the only one with its merge key, in the list and in the patch."""
    if not field.keys:
        return
    counts = Counter(old), Counter(patched)
    for key in patched:
        if any(each[key] > 1 for each in counts):
            raise MergeError(
                f"{field.item_path(key, path)}: several items have this merge key, so that a "
                f"strategic merge cannot tell them apart; use jsonPatch"
            )


def _check_types(items: Iterable[Json], path: str) -> None:
    """Lists that merge hold values of one type, and no lists or nulls."""
    types = {type(each) for each in items}
    if len(types) > 1 or types & {list, type(None)}:
        raise MergeError(f"{path}: the items of this list and of its patch must be of one type")


def _merge_ordered(old: Object, patch: Object, name: str, order: Json, location: _Location) -> None:
    """Apply `$setElementOrder/<name>`: the order of those items that the patch touches."""
    field, path = location.field, location.path
    current, new = old.get(name, []), patch.get(name, [])
    if not isinstance(order, list):
        raise MergeError(f"{path}: $setElementOrder must be a list")
    if not isinstance(current, list) or not isinstance(new, list):
        raise MergeError(f"{path}: $setElementOrder requires lists in the object and in the patch")
    wanted = _list_patch(new, field, path)
    keys = [field.key(each, path) for each in wanted.items]
    listed = [field.key(each, path) for each in order]
    if listed and not is_subsequence(keys, listed):
        raise MergeError(f"{path}: $setElementOrder must list all patched items in patch order")
    server = [field.key(each, path) for each in current]
    if name in patch:
        server = server_order(server, wanted.deleted, keys, replaced=wanted.replaced)
        _merge_field(old, name, patch.pop(name), location)
    if name in old:
        merged = old[name]
        assert isinstance(merged, list)
        old[name] = in_order([(field.key(each, path), each) for each in merged], listed, server)


def _new(value: Json, field: Field, path: str) -> Json:
    """A value that replaces another or none, without nulls and directives."""
    match value:
        case dict():
            return _new_map(value, field.shape, path)
        case list() if field.merges:
            items = _list_patch(value, field, path).items
            return [_new(each, field, path) for each in items]
        case list():
            if any(isinstance(each, dict) and DIRECTIVE in each for each in value):
                raise MergeError(
                    f"{path}: $patch is not allowed in a list that is replaced as a whole"
                )
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
        and key not in {DIRECTIVE, RETAIN_KEYS}
        and not key.startswith(LIST_DIRECTIVES)
        and not _is_deleted(each, f"{path}/{key}")
    }
