"""Which fields patches set, and whether two customisations contradict each other.

A write is what a patch states, whether or not that differs from the object. Items of a list that
merges are named by their merge keys, so that a field has one path whatever its index. Items of
other lists have positions; a list that is written as a whole is one value.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, Protocol, TypeAlias, TypeVar

from planners.model import Json
from renderers.kubernetes.fields import path_text
from renderers.kubernetes.patch_meta import Field, MergeError


class Removed(Enum):
    """The type of REMOVED, the value of a field that a patch removes."""

    REMOVED = "removed"


REMOVED = Removed.REMOVED
Value: TypeAlias = "Json | Removed"


@dataclass(frozen=True, slots=True)
class Item:
    """The item of a merging list with these merge keys, as JSON; `nth` counts equal ones."""

    keys: tuple[tuple[str, str], ...]
    nth: int = 0

    def __str__(self) -> str:
        named = [f"{name}={json.loads(text)}" if name else text for name, text in self.keys]
        return f"[{','.join(named)}]"


@dataclass(frozen=True, slots=True)
class Position:
    """The item of any other list at this index."""

    index: int

    def __str__(self) -> str:
        return f"[{self.index}]"


Step: TypeAlias = "str | Item | Position"
WritePath: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """A field and its value; a mapping that is not `whole` may get further fields from others.

    `added_at` is the index at which the value was added to the list at `path`, which has no merge
    keys; `at_end` says that nothing followed it.
    """

    path: WritePath
    value: Value
    whole: bool = True
    added_at: int | None = None
    at_end: bool = False

    @property
    def shift(self) -> int | None:
        """The first index of its list whose item it moves; None if it moves none."""
        if self.added_at is not None:
            return None if self.at_end else self.added_at
        last = self.path[-1] if self.path else ""
        return last.index if isinstance(last, Position) and self.value is REMOVED else None


def text_of(path: WritePath) -> str:
    """A path in messages, such as `spec.ports[port=80].targetPort`."""
    text = ""
    for step in path:
        part = path_text((step,)) if isinstance(step, str) else str(step)
        text += f".{part}" if text and not part.startswith("[") else part
    return text


def steps_of(items: Sequence[Json], known: Field) -> list[Step]:
    """The steps to the items of a list: merge keys where it merges and an item has them."""
    seen: dict[tuple[tuple[str, str], ...], int] = {}
    steps: list[Step] = []
    for index, each in enumerate(items):
        keys = item_keys(each, known)
        if keys is None:
            steps.append(Position(index))
        else:
            steps.append(Item(keys, seen.get(keys, 0)))
            seen[keys] = seen.get(keys, 0) + 1
    return steps


def item_keys(item: Json, known: Field) -> tuple[tuple[str, str], ...] | None:
    """The merge keys of an item, as JSON; None if its list does not merge, or it has none."""
    if not known.merges:
        return None
    try:
        key = known.key(item, "")
    except MergeError:
        return None
    names = known.keys or ("",)
    return tuple((name, json.dumps(value)) for name, (_, value) in zip(names, key, strict=True))


def path_in(item: Json, path: Iterable[str | int], known: Field) -> WritePath:
    """A path of keys and indexes in an object, with the merge keys of its lists."""
    steps: list[Step] = []
    value = item
    for part in path:
        if isinstance(part, int) and isinstance(value, list):
            inside = part < len(value)
            steps.append(steps_of(value, known)[part] if inside else Position(part))
            value = value[part] if inside else None
            known = Field(known.shape)
        elif isinstance(part, str):
            steps.append(part)
            value = value.get(part) if isinstance(value, dict) else None
            known = known.shape.field(part)
    return tuple(steps)


def value_at(value: Value, path: WritePath) -> Value:
    """What a value has at a path; REMOVED if nothing."""
    for step in path:
        match step, value:
            case str(), dict():
                value = value.get(step, REMOVED)
            case Position(index), list():
                value = value[index] if index < len(value) else REMOVED
            case Item(keys, nth), list():
                found = [each for each in value if _has(each, keys)]
                value = found[nth] if nth < len(found) else REMOVED
            case _:
                return REMOVED
    return value


def _has(item: Json, keys: Iterable[tuple[str, str]]) -> bool:
    held = item if isinstance(item, dict) else {}
    return all(json.dumps(held.get(name) if name else item) == text for name, text in keys)


def leaves(path: WritePath, value: Json, known: Field) -> Iterator[Write]:
    """The writes of a value that merges into what is there: one for each leaf."""
    if isinstance(value, dict) and not known.shape.atomic:
        if not value:
            yield Write(path, value, whole=False)
        for key, each in value.items():
            yield from leaves((*path, key), each, known.shape.field(key))
    elif isinstance(value, list) and known.merges:
        for step, each in zip(steps_of(value, known), value, strict=True):
            yield from leaves((*path, step), each, Field(known.shape))
    else:
        yield Write(path, value)


def equal(one: Value, other: Value) -> bool:
    """Equality of JSON values, which distinguishes 1 from true and ignores the order of keys."""
    if isinstance(one, Removed) or isinstance(other, Removed):
        return one is other
    if isinstance(one, dict | list):
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    return one == other and isinstance(one, bool) == isinstance(other, bool)


class Writer(Protocol):
    """Who writes."""

    @property
    def name(self) -> str:
        """A name that no other writer has."""


W = TypeVar("W", bound=Writer)


@dataclass(frozen=True, slots=True)
class Contradiction(Generic[W]):
    """A path that an earlier writer has set to another value."""

    path: WritePath
    writer: W


@dataclass(slots=True)
class _Node(Generic[W]):
    """A field: its write, and for a list who added items, moved items or used an index.

    `moved` and `used` hold the first index moved and the last index used, by writer.
    """

    children: "dict[Step, _Node[W]]" = field(default_factory=dict)
    write: Write | None = None
    writer: W | None = None
    added: dict[str, W] = field(default_factory=dict)
    moved: dict[str, tuple[int, W]] = field(default_factory=dict)
    used: dict[str, tuple[int, W]] = field(default_factory=dict)


@dataclass(slots=True)
class WriteLedger(Generic[W]):
    """All writes to one object, by field."""

    root: _Node[W] = field(default_factory=_Node)

    def add(self, writes: Iterable[Write], writer: W) -> Contradiction[W] | None:
        """Record the writes of one writer; returns the first that contradicts another writer."""
        first = None
        for write in writes:
            found = _above(self.root, write, writer) or _at(self.root, write, writer)
            first = first or found
            if found is None:
                _record(self.root, write, writer)
        return first

    def writer_of(self, path: WritePath) -> W | None:
        """Who wrote a field, what contains it, or something in it."""
        node, found = self.root, self.root.writer
        for step in path:
            if step not in node.children:
                return found
            node = node.children[step]
            found = node.writer or found
        inside = (each.writer for _, each in _below(node) if each.writer is not None)
        return found or next(inside, None)


def _above(node: _Node[W], write: Write, writer: W) -> Contradiction[W] | None:
    """Another's value for something that contains the field, with other content."""
    for depth, step in enumerate(write.path):
        rest = write.path[depth:]
        if write.added_at is None and _is_other(node, writer) and node.write is not None:
            known = node.write
            if known.whole and not equal(value_at(known.value, rest), write.value):
                assert node.writer is not None
                return Contradiction(write.path[:depth], node.writer)
        if isinstance(step, Position):
            moved = (who for at, who in node.moved.values() if at <= step.index)
            if (who := _first_other(moved, writer)) is not None:
                return Contradiction(write.path[:depth], who)
        if step not in node.children:
            return None
        node = node.children[step]
    return None


def _at(node: _Node[W], write: Write, writer: W) -> Contradiction[W] | None:
    """Others' values for the field itself or for something in it, with other content."""
    at = _find(node, write.path)
    if write.shift is not None:
        path = write.path if write.added_at is not None else write.path[:-1]
        items = _find(node, path)
        used = (who for index, who in items.used.values() if index >= write.shift) if items else ()
        if (who := _first_other(used, writer)) is not None:
            return Contradiction(path, who)
    if at is None or write.added_at is not None:
        return None
    for path, each in _below(at):
        lost = _first_other(each.added.values(), writer) if write.whole else None
        if lost is not None:
            return Contradiction((*write.path, *path), lost)
        if _is_other(each, writer) and each.write is not None:
            assert each.writer is not None
            if not _agree(write, each.write, path):
                return Contradiction((*write.path, *path), each.writer)
    return None


def _agree(write: Write, known: Write, path: WritePath) -> bool:
    """Whether a write and a known one at `path` below it can both hold."""
    if path:
        return not write.whole or equal(value_at(write.value, path), known.value)
    if not write.whole or not known.whole:
        return isinstance(write.value, dict) and isinstance(known.value, dict)
    return equal(write.value, known.value)


def _record(node: _Node[W], write: Write, writer: W) -> None:
    parents = []
    for step in write.path:
        parents.append(node)
        if isinstance(step, Position):
            known, _ = node.used.get(writer.name, (step.index, writer))
            node.used[writer.name] = max(known, step.index), writer
        node = node.children.setdefault(step, _Node())
    items = node if write.added_at is not None else parents[-1] if parents else node
    if write.shift is not None:
        known, _ = items.moved.get(writer.name, (write.shift, writer))
        items.moved[writer.name] = min(known, write.shift), writer
    if write.added_at is not None:
        node.added[writer.name] = writer
    elif node.writer is None or node.writer.name == writer.name:
        node.write, node.writer = write, writer


def _is_other(node: _Node[W], writer: W) -> bool:
    return node.writer is not None and node.writer.name != writer.name


def _first_other(writers: Iterable[W], writer: W) -> W | None:
    return next((each for each in writers if each.name != writer.name), None)


def _find(node: _Node[W], path: WritePath) -> _Node[W] | None:
    for step in path:
        if step not in node.children:
            return None
        node = node.children[step]
    return node


def _below(node: _Node[W]) -> Iterator[tuple[WritePath, _Node[W]]]:
    """The node and all nodes below it, with their paths from it."""
    stack: list[tuple[WritePath, _Node[W]]] = [((), node)]
    while stack:
        path, each = stack.pop()
        yield path, each
        stack += [((*path, step), child) for step, child in each.children.items()]
