"""Small edits of YAML that people wrote: what is not meant stays as it is, byte for byte.

Comments, order, quotes, anchors and line endings are not read and written again, but left alone:
the parser's events tell where a part begins and ends, and the text is cut there. Whatever an edit
did is read again, and must mean the old value with that change and no other; where it does not
(an anchor that other parts share, a style that is not foreseen), nothing is edited.
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
_BYTE_ORDER = "\ufeff"


class EditError(Exception):
    """The text cannot be edited there without changing more than is meant."""


@dataclass(slots=True)
class _Node:
    """A part of the text: its first and its last character but one, without comments behind it.

    The children of a mapping are key, value, key, value; `text` is a scalar's.
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
        """The keys of a mapping with their values."""
        parts = iter(self.children)
        return zip(parts, parts, strict=True)

    def entry(self, key: str | int) -> "tuple[_Node, _Node] | None":
        """The entry of a mapping under a key."""
        found = (each for each in self.entries() if each[0].text == key)
        return next(found, None) if self.mapping else None


@dataclass(frozen=True, slots=True)
class Edit:
    """One document of a file: `index` counts those that are not empty, from 0.

    Raises from every method: EditError; YamlError where the text is none to begin with.
    """

    content: bytes
    index: int = 0

    def put(self, path: Path, value: str) -> bytes:
        """Let the last key of the path have that value; the mapping that it belongs to is there."""

        def change(whole: Json) -> None:
            _at(whole, path[:-1])[path[-1]] = value

        mapping, key = self._find(path[:-1]), str(path[-1])
        known = mapping.entry(key)
        if known is None:
            return self._checked(self._insert(mapping, key, value), change)
        old = known[1]
        blank = " " if old.start == old.end else ""
        return self._checked(self._cut(old.start, old.end, blank + _flow(value)), change)

    def append(self, path: Path, value: Mapping[str, Json]) -> bytes:
        """Add an entry to the list at the path, which is made where it is not there."""

        def change(whole: Json) -> None:
            _at(whole, path[:-1]).setdefault(path[-1], []).append(dict(value))

        mapping, key = self._find(path[:-1]), str(path[-1])
        known = mapping.entry(key)
        if known is None:
            return self._checked(self._insert(mapping, key, [dict(value)]), change)
        found = known[1]
        if found.flow:
            return self._checked(self._join(found, "[", _flow(dict(value))), change)
        return self._checked(self._after(found.end, _item(value, found.column)), change)

    def remove(self, path: Path) -> bytes:
        """Take a key or a list's entry away; a list that it leaves empty goes too."""

        def change(whole: Json) -> None:
            del _at(whole, path[:-1])[path[-1]]

        whole = self._find(path[:-1])
        if not whole.mapping and len(whole.children) == 1:
            return self.remove(path[:-1])
        if whole.mapping and len(whole.children) == 2:  # noqa: PLR2004 - one key and its value
            return self._checked(self._emptied(path[:-1], whole), change)
        place, wide = self._place(whole, path[-1])
        first, last = whole.children[place], whole.children[place + wide - 1]
        if whole.flow:
            behind = place + wide
            if behind < len(whole.children):
                return self._checked(self._cut(first.start, whole.children[behind].start), change)
            return self._checked(self._cut(whole.children[place - 1].end, last.end), change)
        return self._checked(self._without_lines(first, last, dash=not whole.mapping), change)

    @property
    def _text(self) -> str:
        return _decoded(self.content)

    @property
    def _line_end(self) -> str:
        return "\r\n" if b"\r\n" in self.content else "\n"

    def _find(self, path: Path) -> _Node:
        node = _roots(self.content)[self.index]
        for step in path:
            if node.mapping:
                found = node.entry(step)
                if found is None:
                    raise EditError(f"{step} is not written there")
                node = found[1]
            else:
                node = node.children[int(step)]
        return node

    def _place(self, whole: _Node, step: str | int) -> tuple[int, int]:
        """Which child it is, and how many belong to it."""
        if not whole.mapping:
            return int(step), 1
        keys = [key.text for key, _ in whole.entries()]
        if step not in keys:
            raise EditError(f"{step} is not written there")
        return 2 * keys.index(str(step)), 2

    def _cut(self, start: int, end: int, new: str = "") -> str:
        return self._text[:start] + new + self._text[end:]

    def _join(self, whole: _Node, bracket: str, new: str) -> str:
        """Put something behind the last part of a flow collection."""
        if whole.children:
            end = whole.children[-1].end
            return self._cut(end, end, f", {new}")
        behind = self._text.index(bracket, whole.start) + 1
        return self._cut(behind, behind, new)

    def _insert(self, mapping: _Node, key: str, value: Json) -> str:
        """Put an entry behind the last one of a mapping."""
        if not mapping.mapping:
            raise EditError(f"{key} has no mapping to stand in")
        if mapping.flow:
            return self._join(mapping, "{", f"{key}: {_flow(value)}")
        indent = " " * mapping.column
        lines = [f"{indent}{key}: {_flow(value)}"]
        if isinstance(value, list):
            items = [_item(each, mapping.column + 2) for each in value if isinstance(each, dict)]
            lines = [f"{indent}{key}:", *(line for item in items for line in item)]
        return self._after(mapping.end, lines)

    def _after(self, at: int, lines: list[str]) -> str:
        """Put lines behind the line of a character."""
        text, end = self._text, self._line_end
        new = end.join(lines)
        behind = text.find("\n", at)
        if behind < 0:
            return f"{text}{end}{new}{end}"
        return self._cut(behind + 1, behind + 1, new + end)

    def _emptied(self, path: Path, mapping: _Node) -> str:
        """A mapping without its one entry: `{}` where it stood, behind its key."""
        if mapping.flow or not path:
            return self._cut(mapping.start, mapping.end, "{}")
        known = self._find(path[:-1]).entry(path[-1])
        if known is None:
            raise EditError("a list's entry cannot be left empty")
        colon = self._text.index(":", known[0].end) + 1
        return self._cut(colon, mapping.end, " {}")

    def _without_lines(self, first: _Node, last: _Node, *, dash: bool) -> str:
        """The text without whole lines; nothing else may stand on the first."""
        text = self._text
        start = text.rindex("-", 0, first.start) if dash else first.start
        line = text.rfind("\n", 0, start) + 1
        if text[line:start].strip():
            raise EditError("something else stands on the same line")
        behind = text.find("\n", last.end)
        return self._cut(line, behind + 1 if behind >= 0 else len(text))

    def _checked(self, text: str, change: Callable[[Json], None]) -> bytes:
        """The new text, which means what the old one does with the change.

        Raises:
            EditError: it means something else.
        """
        wanted = [each.value for each in load_documents(self.content)]
        change(wanted[self.index])
        marked = self.content.decode().startswith(_BYTE_ORDER)
        new = (_BYTE_ORDER + text if marked else text).encode()
        try:
            found = [each.value for each in load_documents(new)]
        except YamlError as error:
            raise EditError(f"the edit would be no YAML: {error}") from error
        if found != wanted:
            raise EditError("the edit would change something else too")
        return new


def _at(whole: Any, path: Path) -> Any:
    """The mapping or list at a path, to be changed."""
    for step in path:
        whole = whole[step]
    return whole


def _decoded(content: bytes) -> str:
    """Without the mark of byte order, which the parser does not count."""
    return content.decode().removeprefix(_BYTE_ORDER)


def _roots(content: bytes) -> list[_Node]:
    """The documents that are not empty.

    Raises:
        YamlError: the text is no YAML that is read.
    """
    load_documents(content)
    text = _decoded(content)
    roots: list[_Node] = []
    stack: list[_Node] = []
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionEndEvent):
            node = stack.pop()
            behind = node.children[-1].end if node.children else node.start
            node.end = _span(event)[2] if node.flow else behind
        elif isinstance(event, yaml.NodeEvent):
            node = _node(event, text)
            (stack[-1].children if stack else roots).append(node)
            if isinstance(event, yaml.CollectionStartEvent):
                stack.append(node)
    return [each for each in roots if not each.empty]


def _span(event: yaml.Event) -> tuple[int, int, int]:
    """Where it starts, in which column, and where it ends: in characters, from 0."""
    start, end = event.start_mark, event.end_mark
    assert start is not None, "the parser marks every event"
    assert end is not None, "the parser marks every event"
    return start.index, start.column, end.index


def _node(event: yaml.NodeEvent, text: str) -> _Node:
    start, column, end = _span(event)
    node = _Node(start, column, end)
    if isinstance(event, yaml.ScalarEvent):
        node.text = event.value
        node.empty = scalars.read(event.value, event.tag, plain=event.implicit[0]) is None
        if event.style in {"|", ">"}:
            node.end = start + len(text[start:end].rstrip())
    elif isinstance(event, yaml.CollectionStartEvent):
        node.mapping = isinstance(event, yaml.MappingStartEvent)
        node.flow = bool(event.flow_style)
    return node


def _item(value: Mapping[str, Json], column: int) -> list[str]:
    """The lines of an entry of a block list whose dashes stand in that column (from 0)."""
    lines = [f"{key}: {_flow(each)}" for key, each in value.items()]
    first, rest = (
        f"{' ' * column}- {lines[0]}",
        [f"{' ' * (column + 2)}{each}" for each in lines[1:]],
    )
    return [first, *rest]


def _shown(character: str) -> str:
    """A character as it may stand in double quotes (YAML 1.1, 5.7)."""
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _flow(value: Json) -> str:
    """A value on one line; a text in double quotes unless it is a plain word."""
    match value:
        case str():
            plain = _PLAIN.fullmatch(value) and not scalars.AMBIGUOUS.fullmatch(value.lower())
            return value if plain else "".join(map(_shown, json.dumps(value, ensure_ascii=False)))
        case dict():
            return f"{{{', '.join(f'{key}: {_flow(part)}' for key, part in value.items())}}}"
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case _:
            return json.dumps(value)
