"""What the operations of a JSON Patch set, with the merge keys of the lists they pass through."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from planners.model import Json
from renderers.kubernetes.patch_meta import Field, Shape
from renderers.writes import (
    REMOVED,
    Item,
    Position,
    Removed,
    Step,
    Write,
    WritePath,
    item_keys,
    leaves,
    steps_of,
    value_at,
)

Pointer = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """The container that an operation changes, and the last part of its pointer."""

    path: WritePath
    container: Json
    known: Field
    last: str

    @property
    def index(self) -> int:
        """The index in a list; its length for `-`."""
        assert isinstance(self.container, list)
        return len(self.container) if self.last == "-" else int(self.last)


@dataclass(slots=True)
class OperationWrites:
    """One run over the operations; `document` is the object before the next one."""

    document: Json
    shape: Shape
    found: list[Write] = field(default_factory=list)

    def take(self, op: str, parts: Mapping[str, Pointer], value: Json) -> None:
        """Add the writes of one operation, which is applied afterwards."""
        match op:
            case "add" | "replace":
                self.found += self._set(parts["path"], value, is_new=op == "add")
            case "remove":
                self.found += self._remove(parts["path"])
            case "move" | "copy":
                moved = self._value(parts["from"])
                if op == "move":
                    self.found += self._remove(parts["from"])
                self.found += self._set(parts["path"], moved, is_new=True)
            case _:
                pass

    def _place(self, pointer: Pointer) -> _Place:
        path: list[Step] = []
        value, known = self.document, Field(self.shape)
        for part in pointer[:-1]:
            if isinstance(value, list):
                index = int(part)
                path.append(steps_of(value, known)[index])
                value, known = value[index], Field(known.shape)
            else:
                path.append(part)
                value = value.get(part) if isinstance(value, dict) else None
                known = known.shape.field(part)
        return _Place(tuple(path), value, known, pointer[-1])

    def _value(self, pointer: Pointer) -> Json:
        if not pointer:
            return self.document
        place = self._place(pointer)
        if isinstance(place.container, list):
            return place.container[place.index]
        return place.container.get(place.last) if isinstance(place.container, dict) else None

    def _set(self, pointer: Pointer, value: Json, *, is_new: bool) -> Iterator[Write]:
        if not pointer:
            yield Write((), value)
            return
        place = self._place(pointer)
        if isinstance(place.container, list):
            yield from _set_item(place, place.container, value, is_new=is_new)
            return
        path = (*place.path, place.last)
        held = place.container if isinstance(place.container, dict) else {}
        if is_new and not held.get(place.last):
            yield from leaves(path, value, place.known.shape.field(place.last))
        else:
            yield Write(path, value)

    def _remove(self, pointer: Pointer) -> Iterator[Write]:
        if not pointer:
            return
        place = self._place(pointer)
        step: Step = place.last
        if isinstance(place.container, list):
            step = steps_of(place.container, place.known)[place.index]
        yield Write((*place.path, step), REMOVED)


def _set_item(place: _Place, items: list[Json], value: Json, *, is_new: bool) -> Iterator[Write]:
    index, keys = place.index, item_keys(value, place.known)
    if not is_new:
        old = steps_of(items, place.known)[index]
        if isinstance(old, Item) and old.keys != keys:
            yield Write((*place.path, old), REMOVED)
            old = Item(keys) if keys is not None else Position(index)
        yield Write((*place.path, old), value)
    elif keys is not None:
        equal = [each for each in items if item_keys(each, place.known) == keys]
        step = Item(keys, len(equal))
        yield from leaves((*place.path, step), value, Field(place.known.shape))
    else:
        yield Write(place.path, value, added_at=index, at_end=index == len(items))


def with_final_values(found: list[Write], document: Json) -> list[Write]:
    """The writes with the values that later operations left; a lost value is a removal."""
    return [_final(each, document) for each in found]


def _final(write: Write, document: Json) -> Write:
    if write.added_at is not None or isinstance(write.value, Removed):
        return write
    if any(isinstance(step, Position) for step in write.path):
        return write
    return replace(write, value=value_at(document, write.path))
