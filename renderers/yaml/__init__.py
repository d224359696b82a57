"""Reads and writes YAML as Kubernetes does, within limits. The only importer of PyYAML.

Values are built from parse events with an explicit stack: the C loader recurses, so that deep
nesting crashes the process, and merge keys can explode. Plain scalars have the meaning that
sigs.k8s.io/yaml gives them (YAML 1.1 booleans and numbers, but no dates and no base 60). Aliases
are copied within a budget, so that no two parts of a value are the same object. A key is its
literal text, so that `on:` stays `on`; keys that Kubernetes would read differently are quoted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, NoReturn

import yaml

from planners.model import Json
from renderers.tree import MAX_FILE
from renderers.yaml import scalars
from renderers.yaml.blocks import Blocks
from renderers.yaml.places import Mark, Path, Places

__all__ = ["Document", "Path", "YamlError", "dump", "load_documents"]

MAX_BYTES = MAX_FILE
MAX_DEPTH = 64
MAX_NODES = 500_000
MAX_ALIASES = 100
MAX_DOCUMENTS = 1_000

_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NEXT_STEPS = {
    "did not find expected node content": ": a list or mapping before this is not closed",
    "found character that cannot start any token": ": indent with spaces, and quote text that "
    "begins with @, ` or %",
    "found unexpected end of stream": ": a quote before this is not closed",
    "mapping values are not allowed in this context": ": quote text with ': ' in it, or correct "
    "the indentation",
}
"""What helps with messages of libyaml (`scanner.c`, `parser.c`) that name no cause."""

_TAGS: dict[type, str] = {dict: "tag:yaml.org,2002:map", list: "tag:yaml.org,2002:seq"}


class YamlError(Exception):
    """The text is not YAML that Kubernetes accepts; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line, self.column = line, column


@dataclass(frozen=True, slots=True)
class Document:
    """A value, and the (line, column) of each part of it: see `places`."""

    value: Json
    places: Mapping[Path, tuple[int, int]]


class _Built(NamedTuple):
    """A complete value with its marks, and the number of its values and levels."""

    value: Json
    parts: Mapping[str | int, Mark] = MappingProxyType({})
    nodes: int = 1
    levels: int = 0


@dataclass(slots=True)
class _Frame:
    """A mapping or sequence under construction; `before` is the node count when it began."""

    value: dict[str, Json] | list[Json]
    at: tuple[int, int]
    anchor: str | None
    before: int
    parts: dict[str | int, Mark] = field(default_factory=dict)
    levels: int = 1
    key: str | None = None
    key_at: tuple[int, int] = (1, 1)
    merging: bool = False
    merges: list[tuple[Json, Mapping[str | int, Mark]]] = field(default_factory=list)

    @property
    def wants_key(self) -> bool:
        """Whether the next value is a key."""
        return isinstance(self.value, dict) and self.key is None

    def put(self, built: _Built, at: tuple[int, int]) -> None:
        """Add a value to the sequence, or under the current key of the mapping."""
        self.levels = max(self.levels, built.levels + 1)
        if isinstance(self.value, list):
            self.parts[len(self.value)] = Mark(*at, built.parts)
            self.value.append(built.value)
            return
        assert self.key is not None
        if self.merging:
            is_list = isinstance(built.value, list)
            parts = built.value if isinstance(built.value, list) else [built.value]
            marks = [built.parts[i].parts if is_list else built.parts for i in range(len(parts))]
            self.merges += zip(parts, marks, strict=True)
        else:
            self.value[self.key] = built.value
            self.parts[self.key] = Mark(*self.key_at, built.parts)
        self.key = None

    def merge(self) -> None:
        """Apply merge keys (`<<`): own keys take precedence, then earlier mappings."""
        assert isinstance(self.value, dict)
        for part, marks in self.merges:
            if not isinstance(part, dict):
                raise YamlError("`<<` can only merge mappings", *self.at)
            for key in [key for key in part if key not in self.value]:
                self.value[key], self.parts[key] = part[key], marks[key]


def load_documents(content: bytes) -> tuple[Document, ...]:
    """All non-empty documents.

    A last line without a line break has one, as for kubectl (k8s.io/apimachinery, pkg/util/yaml,
    `LineReader`): a block text there ends with it.

    Raises:
        YamlError: at the first syntax error, or where a limit is exceeded.
    """
    if len(content) > MAX_BYTES:
        raise YamlError(f"the file is larger than {MAX_BYTES} bytes")
    builder = _Builder()
    try:
        for event in yaml.parse(_text(content), Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = error.problem or "not valid YAML"
        raise YamlError(problem + _NEXT_STEPS.get(problem, ""), *place) from error
    return tuple(builder.documents)


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise YamlError("not valid UTF-8", *_after(content[: error.start].decode())) from error
    if bad := _NOT_YAML.search(text):
        message = f"character not allowed in YAML: U+{ord(bad[0]):04X}"
        raise YamlError(message, *_after(text[: bad.start()]))
    return text if text.endswith("\n") else f"{text}\n"


def _after(text: str) -> tuple[int, int]:
    """The (line, column) of what follows that text."""
    return text.count("\n") + 1, len(text) - text.rfind("\n")


class _Builder:
    """Builds documents from events, with one budget for the whole file."""

    def __init__(self) -> None:
        self.documents: list[Document] = []
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Built] = {}
        self._nodes = 0
        self._aliases = 0
        self._at = (1, 1)

    def take(self, event: yaml.Event) -> None:
        """Process the next event."""
        if event.start_mark is not None:
            self._at = (event.start_mark.line + 1, event.start_mark.column + 1)
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._open({}, event)
            case yaml.SequenceStartEvent():
                self._open([], event)
            case yaml.CollectionEndEvent():
                self._close()
            case yaml.AliasEvent():
                self._alias(event.anchor or "")
            case yaml.DocumentStartEvent():
                self._anchors = {}
                if len(self.documents) >= MAX_DOCUMENTS:
                    self._fail(f"more than {MAX_DOCUMENTS} documents")
            case _:
                pass

    def _fail(self, message: str) -> NoReturn:
        raise YamlError(message, *self._at)

    def _spend(self, nodes: int, levels: int) -> None:
        """Count values added at the current position, with `levels` below it."""
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._fail(f"more than {MAX_NODES} values (aliases count as their content)")
        if len(self._stack) + levels > MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH} levels")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        try:
            value = scalars.read(event.value, event.tag, plain=event.implicit[0])
        except scalars.ScalarError as error:
            raise YamlError(str(error), *self._at) from error
        if self._stack and self._stack[-1].wants_key:
            self._key(self._stack[-1], event, value)
            return
        self._spend(1, 0)
        self._finish(_Built(value), self._at, event.anchor)

    def _key(self, frame: _Frame, event: yaml.ScalarEvent, meaning: Json) -> None:
        key: str = event.value
        number = isinstance(meaning, int | float) and not isinstance(meaning, bool)
        if meaning is None or (number and str(meaning) != key):
            self._fail(f"the key {key!r} is not a string; quote it")
        frame.merging = key == "<<" and event.implicit[0]
        if key in frame.parts and not frame.merging:
            self._fail(f"duplicate key {key!r}")
        frame.key, frame.key_at = key, self._at

    def _alias(self, anchor: str) -> None:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._fail(f"more than {MAX_ALIASES} aliases")
        if anchor not in self._anchors:
            self._fail(f"alias *{anchor} has no preceding anchor")
        if self._stack and self._stack[-1].wants_key:
            self._fail("an alias cannot be a key")
        known = self._anchors[anchor]
        self._spend(known.nodes, known.levels)
        self._finish(known._replace(value=_copy(known.value)), self._at, None)

    def _open(
        self,
        value: dict[str, Json] | list[Json],
        event: yaml.MappingStartEvent | yaml.SequenceStartEvent,
    ) -> None:
        if event.tag not in {None, "!", _TAGS[type(value)]}:
            self._fail(f"tag {event.tag} is not allowed; only JSON types are")
        if self._stack and self._stack[-1].wants_key:
            self._fail(
                "a key must be a string; {{ }} of a template is no YAML: quote it, or use a chart"
            )
        frame = _Frame(value, self._at, event.anchor, self._nodes)
        self._spend(1, 1)
        self._stack.append(frame)

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.merges:
            frame.merge()
        built = _Built(frame.value, frame.parts, self._nodes - frame.before, frame.levels)
        self._finish(built, frame.at, frame.anchor)

    def _finish(self, built: _Built, at: tuple[int, int], anchor: str | None) -> None:
        """Register a complete value under its anchor, and add it to its parent or the documents."""
        if anchor:
            self._anchors[anchor] = built
        if self._stack:
            self._stack[-1].put(built, at)
        elif built.value is not None:
            self.documents.append(Document(built.value, Places(Mark(*at, built.parts))))


def _copy(value: Json) -> Json:
    match value:
        case dict():
            return {key: _copy(part) for key, part in value.items()}
        case list():
            return [_copy(part) for part in value]
        case _:
            return value


class _Dumper(yaml.CSafeDumper):
    """Block style; every string that a reader could interpret as another type is quoted."""

    def ignore_aliases(self, data: object) -> bool:
        """Never write anchors; repeated values are written in full."""
        del data
        return True


_Dumper.yaml_implicit_resolvers = {}
_Dumper.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"null$"), None)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(true|false)$"), None)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"-?(0|[1-9][0-9]*)$"), None)
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"-?[0-9]+\.[0-9]+(e[-+][0-9]+)?$"), None
)
_Dumper.add_implicit_resolver(
    "!ambiguous", re.compile(rf"({scalars.AMBIGUOUS.pattern})$", re.IGNORECASE), None
)


def _string(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)


_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def is_plain(name: str) -> bool:
    """Whether `dump` writes a name without quotes, wherever it stands alone."""
    if _NAME.fullmatch(name):
        return scalars.AMBIGUOUS.fullmatch(name) is None
    return dump(name) == f"{name}\n".encode()


def dump(value: Json) -> bytes:
    """Serialise as block-style YAML in key order of the value; equal values give equal bytes."""
    blocks = Blocks()
    text = blocks.put(_dump(blocks.take(value) if isinstance(value, dict | list) else value))
    return (text if text is not None else _dump(value)).encode()


def _dump(value: Json) -> str:
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=False,
        allow_unicode=True,
        sort_keys=False,
        width=-1,
    )
    return text
