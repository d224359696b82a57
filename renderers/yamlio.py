"""The only door to PyYAML: reads what Kubernetes would read, within limits, and writes it back.

Values are built from parse events with a stack of our own: the C loader recurses, so that nested
brackets end the process, and merge keys explode. Plain scalars mean what sigs.k8s.io/yaml takes
them for (YAML 1.1 booleans and numbers, but no dates and no base 60). Anchors and aliases are
allowed within a budget that counts what they expand to. A key is the text that is written, so that
`on:` stays `on`; Kubernetes reads back the same, because keys are written in quotes where it would
not.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from planners.model import Json
from renderers.scalars import AMBIGUOUS, resolve

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 200_000
MAX_ALIASES = 100
MAX_DOCUMENTS = 1_000

_CORE_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null")}

Path = tuple[str | int, ...]


class YamlError(Exception):
    """The text is no YAML that Kubernetes would take; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line, self.column = line, column


@dataclass(frozen=True, slots=True)
class Document:
    """A value and where each part of it stands: path -> (line, column), both from 1.

    An entry of a mapping stands where its key stands.
    """

    value: Json
    places: Mapping[Path, tuple[int, int]]


@dataclass(slots=True)
class _Frame:
    """A mapping or sequence under construction."""

    value: dict[str, Json] | list[Json]
    path: Path
    anchor: str | None
    key: str | None = None
    merges: list[dict[str, Json]] = field(default_factory=list)


def load_documents(content: bytes) -> tuple[Document, ...]:
    """All documents that are not empty.

    Raises:
        YamlError: with the place of the first mistake, or of the limit that was passed.
    """
    if len(content) > MAX_BYTES:
        raise YamlError(f"larger than {MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise YamlError("not valid UTF-8", line) from error
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlError(error.problem or "not valid YAML", *place) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise YamlError("a character that YAML does not allow", line) from error
    return tuple(builder.documents)


class _Builder:
    """Builds documents from events; one budget for the whole file."""

    def __init__(self) -> None:
        self.documents: list[Document] = []
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Json, int]] = {}
        self._places: dict[Path, tuple[int, int]] = {}
        self._nodes = 0
        self._aliases = 0
        self._at = (1, 1)

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""
        if event.start_mark is not None:
            self._at = (event.start_mark.line + 1, event.start_mark.column + 1)
        match event:
            case yaml.DocumentStartEvent():
                self._anchors, self._places = {}, {}
                if len(self.documents) >= MAX_DOCUMENTS:
                    self._fail(f"more than {MAX_DOCUMENTS} documents")
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.AliasEvent():
                self._alias(event.anchor or "")
            case yaml.MappingStartEvent():
                self._open({}, event)
            case yaml.SequenceStartEvent():
                self._open([], event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()
            case _:
                pass

    def _fail(self, message: str) -> None:
        raise YamlError(message, *self._at)

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._fail(f"more than {MAX_NODES} values, aliases counted as what they stand for")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            self._key(frame, event)
            return
        self._count(1)
        if event.tag is not None and event.tag not in _CORE_TAGS and event.tag != "!":
            self._fail(f"tag {event.tag} is not allowed; only plain JSON values are")
        value = self._value(event)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._place(value)

    def _value(self, event: yaml.ScalarEvent) -> Json:
        if event.tag is not None:
            if event.tag.endswith(":str") or event.tag == "!":
                return str(event.value)
        elif not event.implicit[0]:
            return str(event.value)
        value = resolve(event.value)
        if isinstance(value, float) and not math.isfinite(value):
            self._fail(f"{event.value} is not a JSON number")
        return value

    def _key(self, frame: _Frame, event: yaml.ScalarEvent) -> None:
        assert isinstance(frame.value, dict)
        key = str(event.value)
        if key in frame.value and key != "<<":
            self._fail(f"duplicate key {key!r}")
        frame.key = key
        self._places[(*frame.path, key)] = self._at

    def _alias(self, anchor: str) -> None:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._fail(f"more than {MAX_ALIASES} aliases")
        if anchor not in self._anchors:
            self._fail(f"alias *{anchor} has no anchor")
        value, size = self._anchors[anchor]
        self._count(size)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            self._fail("an alias cannot be a key")
        self._place(value)

    def _open(self, value: dict[str, Json] | list[Json], event: yaml.Event) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH} levels")
        tag = getattr(event, "tag", None)
        if tag not in {None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}:
            self._fail(f"tag {tag} is not allowed; only plain JSON values are")
        self._count(1)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            self._fail("a key must be a string")
        anchor = getattr(event, "anchor", None)
        self._stack.append(_Frame(value, self._here(), anchor))
        self._places.setdefault(self._stack[-1].path, self._at)

    def _here(self) -> Path:
        """The path of the value that begins now."""
        if not self._stack:
            return ()
        frame = self._stack[-1]
        if isinstance(frame.value, list):
            return (*frame.path, len(frame.value))
        assert frame.key is not None
        return (*frame.path, frame.key)

    def _close(self) -> None:
        frame = self._stack.pop()
        if isinstance(frame.value, dict):
            for merged in frame.merges:
                for name, value in merged.items():
                    frame.value.setdefault(name, value)
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.value, _size(frame.value))
        self._place(frame.value)

    def _place(self, value: Json) -> None:
        """Put a finished value where it belongs."""
        if not self._stack:
            self._places.setdefault((), self._at)
            if value is not None:
                self.documents.append(Document(value, self._places))
            return
        frame = self._stack[-1]
        self._places.setdefault(self._here(), self._at)
        if isinstance(frame.value, list):
            frame.value.append(value)
            return
        assert frame.key is not None
        if frame.key == "<<":
            self._merge(frame, value)
        else:
            frame.value[frame.key] = value
        frame.key = None

    def _merge(self, frame: _Frame, value: Json) -> None:
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            if not isinstance(part, dict):
                raise YamlError("`<<` merges mappings only", *self._at)
            frame.merges.append(part)


def _size(value: Json) -> int:
    """How many values it holds, each alias counted as what it stands for."""
    match value:
        case dict():
            return 1 + sum(_size(part) for part in value.values())
        case list():
            return 1 + sum(_size(part) for part in value)
        case _:
            return 1


class _Dumper(yaml.CSafeDumper):
    """Block style; every string that a reader could take for something else is quoted."""

    def ignore_aliases(self, data: object) -> bool:
        """No anchors: what is written twice stands there twice."""
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
    "!ambiguous", re.compile(rf"({AMBIGUOUS.pattern})$", re.IGNORECASE), None
)


def _string(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)


def dump(value: Json) -> bytes:
    """Block-style YAML in the given order of keys: the same value gives the same bytes."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=False,
        allow_unicode=True,
        sort_keys=False,
        width=1_000_000,
    )
    return text.encode()
