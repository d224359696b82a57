"""Edits YAML files in place: everything except the edited part stays byte for byte.

Comments, order, quotes, anchors and line endings are preserved: the parser's events give the
position of each part, and the text is changed there. The result is parsed again and must equal the
old value with exactly that change; otherwise (a shared anchor, an unsupported style) the edit
fails.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from planners.model import Json
from renderers.yaml import YamlError, load_documents, scalars
from renderers.yaml.places import Path

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*")
_KEEP = re.compile(r"[|>](\d?\+|\+\d)(\s|$)")
_BYTE_ORDER_MARK = "\ufeff"


class EditError(Exception):
    """The text cannot be edited at that path without changing other parts."""


@dataclass(slots=True)
class _Node:
    """A part of the text, from `start` to `end` (exclusive), without trailing comments.

    The children of a mapping alternate between key and value; `text` is the value of a scalar.
    """

    start: int
    column: int
    end: int
    text: str = ""
    empty: bool = False
    mapping: bool = False
    flow: bool = False
    children: list["_Node"] = field(default_factory=list)

    def entries(self) -> Iterator[tuple["_Node", "_Node"]]:
        """The (key, value) pairs of a mapping."""
        parts = iter(self.children)
        return zip(parts, parts, strict=True)

    def entry(self, key: str | int) -> "tuple[_Node, _Node] | None":
        """The (key, value) pair of a mapping for a key."""
        found = (each for each in self.entries() if each[0].text == key)
        return next(found, None) if self.mapping else None


@dataclass(frozen=True, slots=True)
class Edit:
    """One document of a file; `index` counts the non-empty ones, from 0.

    Every method raises EditError, and YamlError if the text is not valid YAML.
    """

    content: bytes
    index: int = 0

    def put(self, path: Path, value: str) -> bytes:
        """Set the last key of the path to a value; its mapping must exist."""

        def change(whole: Json) -> None:
            _at(whole, path[:-1])[path[-1]] = value

        mapping, key = self._find(path[:-1]), str(path[-1])
        known = mapping.entry(key)
        if known is None:
            return self._checked(self._insert(mapping, key, value), change)
        old = known[1]
        blank = " " if old.start == old.end else ""
        return self._checked(self._cut(old.start, old.end, blank + flow(value)), change)

    def append(self, path: Path, value: Mapping[str, Json]) -> bytes:
        """Append an entry to the list at the path; the list is created if it does not exist."""

        def change(whole: Json) -> None:
            _at(whole, path[:-1]).setdefault(path[-1], []).append(dict(value))

        mapping, key = self._find(path[:-1]), str(path[-1])
        known = mapping.entry(key)
        if known is None:
            return self._checked(self._insert(mapping, key, [dict(value)]), change)
        found = known[1]
        if found.flow:
            return self._checked(self._join(found, "[", flow(dict(value))), change)
        return self._checked(self._after(found.end, _item(value, found.column)), change)

    def remove(self, path: Path) -> bytes:
        """Remove a key or a list entry; a list that becomes empty is removed too."""

        def change(whole: Json) -> None:
            del _at(whole, path[:-1])[path[-1]]

        whole = self._find(path[:-1])
        span = self._span(whole, path[-1])
        if not whole.mapping and len(whole.children) == 1:
            return self.remove(path[:-1])
        if whole.mapping and len(whole.children) == 2:  # noqa: PLR2004 - one key and its value
            return self._checked(self._emptied(path[:-1], whole), change)
        first, last = whole.children[span.start], whole.children[span.stop - 1]
        if whole.flow:
            if span.stop < len(whole.children):
                following = whole.children[span.stop].start
                return self._checked(self._cut(first.start, following), change)
            return self._checked(self._cut(whole.children[span.start - 1].end, last.end), change)
        return self._checked(self._without_lines(first, last, dash=not whole.mapping), change)

    @property
    def _text(self) -> str:
        return _decoded(self.content)

    @property
    def _line_end(self) -> str:
        return "\r\n" if b"\r\n" in self.content else "\n"

    def _find(self, path: Path) -> _Node:
        roots = _roots(self.content)
        if self.index >= len(roots):
            raise EditError("the file has no such document")
        node = roots[self.index]
        for step in path:
            node = node.children[self._span(node, step).stop - 1]
        return node

    def _span(self, whole: _Node, step: str | int) -> range:
        """The indexes of the children that make up an entry: key and value, or a list item."""
        if not whole.mapping:
            if not isinstance(step, int) or step >= len(whole.children):
                raise EditError(f"the file has no {step} at this path")
            return range(step, step + 1)
        keys = [key.text for key, _ in whole.entries()]
        if step not in keys:
            raise EditError(f"the file has no {step} at this path")
        index = 2 * keys.index(str(step))
        return range(index, index + 2)

    def _cut(self, start: int, end: int, new: str = "") -> str:
        return self._text[:start] + new + self._text[end:]

    def _join(self, whole: _Node, bracket: str, new: str) -> str:
        """Append to a flow collection."""
        if whole.children:
            end = whole.children[-1].end
            return self._cut(end, end, f", {new}")
        behind = self._text.index(bracket, whole.start) + 1
        return self._cut(behind, behind, new)

    def _insert(self, mapping: _Node, key: str, value: Json) -> str:
        """Append an entry to a mapping."""
        if not mapping.mapping:
            raise EditError(f"cannot add {key}: its parent is not a mapping")
        if mapping.flow:
            return self._join(mapping, "{", f"{key}: {flow(value)}")
        indent = " " * mapping.column
        lines = [f"{indent}{key}: {flow(value)}"]
        if isinstance(value, list):
            items = [_item(each, mapping.column + 2) for each in value if isinstance(each, dict)]
            lines = [f"{indent}{key}:", *(line for item in items for line in item)]
        return self._after(mapping.end, lines)

    def _after(self, at: int, lines: list[str]) -> str:
        """Insert lines after the line that contains a position."""
        text, end = self._text, self._line_end
        new = end.join(lines)
        behind = text.find("\n", at)
        if behind < 0:
            return f"{text}{end}{new}{end}"
        return self._cut(behind + 1, behind + 1, new + end)

    def _emptied(self, path: Path, mapping: _Node) -> str:
        """Replace a mapping with a single entry by `{}`."""
        if mapping.flow or not path:
            return self._cut(mapping.start, mapping.end, "{}")
        known = self._find(path[:-1]).entry(path[-1])
        if known is None:
            raise EditError("cannot empty an entry of a list")
        colon = self._text.index(":", known[0].end) + 1
        return self._cut(colon, mapping.end, " {}")

    def _without_lines(self, first: _Node, last: _Node, *, dash: bool) -> str:
        """Remove whole lines; the first must contain nothing else."""
        text = self._text
        start = text.rindex("-", 0, first.start) if dash else first.start
        line = text.rfind("\n", 0, start) + 1
        if text[line:start].strip():
            raise EditError("the line contains another value")
        behind = text.find("\n", last.end)
        return self._cut(line, behind + 1 if behind >= 0 else len(text))

    def _checked(self, text: str, change: Callable[[Json], None]) -> bytes:
        """The new text, after checking that it parses to the old value with the change.

        Raises:
            EditError: it parses to another value.
        """
        expected = [each.value for each in load_documents(self.content)]
        try:
            change(expected[self.index])
        except (AttributeError, LookupError, TypeError) as error:
            raise EditError("the parts of the file are not of the expected types") from error
        marked = self.content.decode().startswith(_BYTE_ORDER_MARK)
        new = (_BYTE_ORDER_MARK + text if marked else text).encode()
        try:
            found = [each.value for each in load_documents(new)]
        except YamlError as error:
            raise EditError(f"the edit would produce invalid YAML: {error}") from error
        if found != expected:
            raise EditError("the edit would change other parts of the file")
        return new


@dataclass(frozen=True, slots=True)
class _Extent:
    """Where an event begins, in which column, and where it ends."""

    start: int
    column: int
    end: int


def _at(whole: Any, path: Path) -> Any:
    """The mapping or list at a path, to be modified."""
    for step in path:
        whole = whole[step]
    return whole


def _decoded(content: bytes) -> str:
    """The text without the byte order mark, which the parser does not count."""
    return content.decode().removeprefix(_BYTE_ORDER_MARK)


def _roots(content: bytes) -> list[_Node]:
    """The root nodes of the non-empty documents.

    Raises:
        YamlError: the text is not valid YAML.
    """
    load_documents(content)
    text = _decoded(content)
    roots: list[_Node] = []
    stack: list[_Node] = []
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionEndEvent):
            node = stack.pop()
            behind = node.children[-1].end if node.children else node.start
            node.end = _extent(event).end if node.flow else behind
        elif isinstance(event, yaml.NodeEvent):
            node = _node(event, text)
            (stack[-1].children if stack else roots).append(node)
            if isinstance(event, yaml.CollectionStartEvent):
                stack.append(node)
    return [each for each in roots if not each.empty]


def _extent(event: yaml.Event) -> _Extent:
    """The start, the column and the end of an event, in characters from 0."""
    start, end = event.start_mark, event.end_mark
    assert start is not None, "the parser marks every event"
    assert end is not None, "the parser marks every event"
    return _Extent(start.index, start.column, end.index)


def _node(event: yaml.NodeEvent, text: str) -> _Node:
    extent = _extent(event)
    node = _Node(extent.start, extent.column, extent.end)
    if isinstance(event, yaml.ScalarEvent):
        node.text = event.value
        node.empty = scalars.read(event.value, event.tag, plain=event.implicit[0]) is None
        if event.style in {"|", ">"}:
            written = text[node.start : node.end]
            keeps_blank_lines = _KEEP.search(written.partition("\n")[0])
            stripped = written.removesuffix("\n") if keeps_blank_lines else written.rstrip()
            node.end = node.start + len(stripped)
    elif isinstance(event, yaml.CollectionStartEvent):
        node.mapping = isinstance(event, yaml.MappingStartEvent)
        node.flow = bool(event.flow_style)
    return node


def _item(value: Mapping[str, Json], column: int) -> list[str]:
    """The lines of an entry of a block list with its dashes in that column (from 0)."""
    lines = [f"{key}: {flow(each)}" for key, each in value.items()]
    first, rest = (
        f"{' ' * column}- {lines[0]}",
        [f"{' ' * (column + 2)}{each}" for each in lines[1:]],
    )
    return [first, *rest]


def _shown(character: str) -> str:
    """A character as written in double quotes (YAML 1.1, 5.7)."""
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def flow(value: Json) -> str:
    """A value in flow style; a string is double-quoted unless it is a plain word."""
    match value:
        case str():
            plain = _PLAIN.fullmatch(value) and not scalars.AMBIGUOUS.fullmatch(value.lower())
            return value if plain else "".join(map(_shown, json.dumps(value, ensure_ascii=False)))
        case dict():
            return f"{{{', '.join(f'{key}: {flow(part)}' for key, part in value.items())}}}"
        case list():
            return f"[{', '.join(map(flow, value))}]"
        case _:
            return json.dumps(value)
