"""Kubernetes' strategic merge patch.

Source: the Kubernetes documentation "Update API Objects in Place Using kubectl patch"; kubectl is
the oracle (tests/tools/compare_strategic.py). Directives and nulls of new items are left out, as an
API server leaves them out, where `kubectl --local` keeps them. A kind without a schema (a custom
resource) merges maps and replaces lists, as RFC 7386 does.
"""

import copy
from collections.abc import Iterable
from typing import TypeAlias

from planners.model import Json
from renderers.merge_keys import KINDS, TYPES

Object: TypeAlias = dict[str, Json]

PATCH, RETAIN = "$patch", "$retainKeys"
ORDER, DELETE = "$setElementOrder/", "$deleteFromPrimitiveList/"
_NOTHING = ("", "", "")


class MergeError(Exception):
    """The patch does not fit; the text names the path and the reason."""


def knows(item: Object) -> bool:
    """Whether the merge keys of this object's kind are known."""
    return f"{item.get('apiVersion')} {item.get('kind')}" in KINDS


def merge(item: Object, patch: Object) -> Object:
    """A new object: `patch` merged into `item`.

    Raises:
        MergeError: a directive or a list does not fit.
    """
    type_ = KINDS.get(f"{item.get('apiVersion')} {item.get('kind')}", "")
    return _merge_map(copy.deepcopy(item), copy.deepcopy(patch), type_, "")


def _field(type_: str, name: str) -> tuple[str, str, str]:
    return TYPES.get(type_, {}).get(name, _NOTHING)


def _merge_map(original: Object, patch: Object, type_: str, path: str) -> Object:
    directive = patch.pop(PATCH, None)
    if directive == "replace":
        return _clean_map(patch)
    if directive == "delete":
        return {}
    if directive not in {None, "merge"}:
        raise MergeError(f"{path or '/'}: $patch is {directive!r}; it is merge, replace or delete")
    _retain(original, patch, path)
    for key in [key for key in patch if key.startswith(ORDER)]:
        _merge_ordered(original, patch, key, (type_, path))
    for key, value in patch.items():
        _merge_field(original, key, value, (type_, path))
    return original


def _merge_field(original: Object, key: str, value: Json, where: tuple[str, str]) -> None:
    type_, path = where
    if key.startswith(DELETE):
        _delete_scalars(original, key.removeprefix(DELETE), value, path)
        return
    child, merge_key, strategy = _field(type_, key)
    old = original.get(key)
    below = f"{path}/{key}"
    if value is None:
        original.pop(key, None)
    elif isinstance(value, dict) and isinstance(old, dict):
        if "replace" in strategy:
            original[key] = _clean(value)
        else:
            original[key] = _merge_map(old, value, child, below)
    elif isinstance(value, list) and isinstance(old, list) and "merge" in strategy:
        original[key] = _merge_list(old, value, child, merge_key, below)
    else:
        original[key] = _clean(value)


def _retain(original: Object, patch: Object, path: str) -> None:
    """`$retainKeys` names all fields that may remain."""
    keep = patch.pop(RETAIN, None)
    if keep is None:
        return
    if not isinstance(keep, list):
        raise MergeError(f"{path or '/'}: $retainKeys is a list of field names")
    surplus = sorted(key for key in patch if not key.startswith("$") and key not in keep)
    if surplus:
        raise MergeError(f"{path or '/'}: $retainKeys does not name {', '.join(surplus)}")
    for key in [key for key in original if key not in keep]:
        del original[key]


def _delete_scalars(original: Object, key: str, gone: Json, path: str) -> None:
    old = original.get(key)
    if not isinstance(gone, list):
        raise MergeError(f"{path}/{key}: $deleteFromPrimitiveList is a list")
    if isinstance(old, list):
        original[key] = [value for value in old if value not in gone]


def _merge_list(
    original: list[Json], patch: list[Json], type_: str, merge_key: str, path: str
) -> list[Json]:
    if not all(isinstance(each, dict) for each in [*original, *patch]):
        if any(isinstance(each, dict) for each in [*original, *patch]):
            raise MergeError(f"{path}: some items are objects and some are not")
        merged: list[Json] = []
        for value in [*original, *patch]:
            if value not in merged:
                merged.append(value)
        return _in_order(merged, patch, original, "")
    if not merge_key:
        raise MergeError(f"{path}: this list has no merge key")
    old = [each for each in original if isinstance(each, dict)]
    new = [each for each in patch if isinstance(each, dict)]
    old, new, replaced = _obey_items(old, new, merge_key, path)
    if replaced:
        return list(new)
    kept = list(old)
    for item in new:
        _merge_item(old, item, (type_, merge_key, path))
    return _in_order(list(old), list(new), list(kept), merge_key)


def _merge_item(items: list[Object], item: Object, where: tuple[str, str, str]) -> None:
    type_, merge_key, path = where
    if merge_key not in item:
        raise MergeError(f"{path}: an item without its merge key {merge_key!r}")
    for number, each in enumerate(items):
        if each.get(merge_key) == item[merge_key]:
            below = f"{path}[{merge_key}={item[merge_key]}]"
            items[number] = _merge_map(each, dict(item), type_, below)
            return
    items.append(_clean_map(item))


def _obey_items(
    old: list[Object], new: list[Object], merge_key: str, path: str
) -> tuple[list[Object], list[Object], bool]:
    """Carry out `$patch: delete` and `$patch: replace` items; whether the list is replaced."""
    replaced = False
    plain: list[Object] = []
    for item in new:
        match item.get(PATCH):
            case None | "merge":
                plain.append(item)
            case "replace":
                replaced = True
            case "delete":
                if merge_key not in item:
                    raise MergeError(f"{path}: $patch: delete without merge key {merge_key!r}")
                old = [each for each in old if each.get(merge_key) != item[merge_key]]
            case other:
                raise MergeError(f"{path}: $patch is {other!r}")
    if replaced:
        return [], [_clean_map(item) for item in plain], True
    return old, plain, False


def _merge_ordered(original: Object, patch: Object, key: str, where: tuple[str, str]) -> None:
    """`$setElementOrder/x`: the order of those items of x that the patch speaks of."""
    type_, path = where
    order = patch.pop(key)
    name = key.removeprefix(ORDER)
    if not isinstance(order, list):
        raise MergeError(f"{path}/{name}: $setElementOrder is a list")
    child, merge_key, _ = _field(type_, name)
    old, new = original.get(name), patch.pop(name, None)
    if isinstance(patch.get(DELETE + name), list):
        _delete_scalars(original, name, patch.pop(DELETE + name), path)
        old = original.get(name)
    if isinstance(old, list) and isinstance(new, list):
        merged = _merge_list(list(old), new, child, merge_key, f"{path}/{name}")
    elif isinstance(old, list):
        merged = old
    elif isinstance(new, list):
        merged = [value for value in (_clean(new) or []) if value is not None]  # type: ignore[union-attr] # a list stays a list
    else:
        return
    server = old if isinstance(old, list) else []
    if isinstance(new, list):
        server = _reference(server, new, merge_key)
    original[name] = _in_order(merged, order, server, merge_key)


def _reference(old: list[Json], new: list[Json], merge_key: str) -> list[Json]:
    """The server's order as kubectl sees it: added items stand where deleted ones stood last.

    A trait of the original implementation (its lists share memory), kept so that both agree.
    """
    gone = [
        _key(each, merge_key)
        for each in new
        if isinstance(each, dict) and each.get(PATCH) == "delete"
    ]
    kept = [each for each in old if _key(each, merge_key) not in gone]
    known = _keys(kept, merge_key)
    added = [each for each in new if _key(each, merge_key) not in [*known, *gone]]
    return kept + added[: len(old) - len(kept)]


def _in_order(
    merged: list[Json], patch: list[Json], server: list[Json], merge_key: str
) -> list[Json]:
    """What the patch names in the patch's order, the rest in the server's, woven together."""
    wanted, known = _keys(patch, merge_key), _keys(server, merge_key)
    named = [each for each in merged if _key(each, merge_key) in wanted]
    rest = [each for each in merged if _key(each, merge_key) not in wanted]
    named.sort(key=lambda each: wanted.index(_key(each, merge_key)))
    rest.sort(key=lambda each: _index(known, _key(each, merge_key)))
    woven: list[Json] = []
    while named and rest:
        left = _index(known, _key(rest[0], merge_key))
        right = _index(known, _key(named[0], merge_key))
        first = left < right < len(known)
        woven.append(rest.pop(0) if first else named.pop(0))
    return woven + named + rest


def _index(keys: list[Json], key: Json) -> int:
    return keys.index(key) if key in keys else len(keys)


def _keys(items: Iterable[Json], merge_key: str) -> list[Json]:
    return [_key(each, merge_key) for each in items]


def _key(item: Json, merge_key: str) -> Json:
    return item.get(merge_key) if merge_key and isinstance(item, dict) else item


def _clean(value: Json) -> Json:
    """A new value as it is stored: without directives, and without nulls in maps."""
    match value:
        case dict():
            return _clean_map(value)
        case list():
            gone = [isinstance(each, dict) and each.get(PATCH) == "delete" for each in value]
            return [_clean(each) for each, out in zip(value, gone, strict=True) if not out]
        case _:
            return value


def _clean_map(value: Object) -> Object:
    return {
        key: _clean(each)
        for key, each in value.items()
        if each is not None and key not in {PATCH, RETAIN} and not key.startswith((ORDER, DELETE))
    }
