"""YAML as it is read from app and fleet repos."""

import math
from collections.abc import Iterator
from pathlib import Path

from planners.model import Json
from renderers.yaml import MAX_DEPTH, MAX_DOCUMENTS, YamlError, dump, load_documents
from tests.fuzz import Target

SAMPLE = Path(__file__).parents[3] / "bot/sandbox/demo/sample"


def check(data: bytes) -> None:
    """YamlError with a place inside the file, or values within the limits that dump and load."""
    try:
        documents = load_documents(data)
    except YamlError as error:
        assert error.line >= 1
        assert error.column >= 1
        assert len(str(error)) < len(data) * 6 + 500
        return
    assert len(documents) <= MAX_DOCUMENTS
    for each in documents:
        assert _depth(each.value) <= MAX_DEPTH
        content = dump(each.value)
        again = [other.value for other in load_documents(content)]
        assert _same(again, [each.value]), content[:200]


def _depth(value: Json) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, dict | list) else 0


def _same(one: Json, other: Json) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return [*one] == [*other] and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other


def seeds() -> Iterator[bytes]:
    """The sample's files, and what breaks parsers: bombs, merges, tags, nesting."""
    for file in sorted(SAMPLE.rglob("*.yaml"))[:20]:
        yield file.read_bytes()[:4000]
    yield b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    yield b"a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: {<<: [*a, {z: 1}]}\n"
    yield b"- !!python/object/apply:os.system [x]\n- !!binary aGk=\n- !!set {a}\n- 2026-11-20\n"
    yield b"[" * 300 + b"]" * 300
    yield b"y: [y, n, 08, 0o17, 1_0, 1:30, .inf, ~, null, 1e3, '1e3', 0x1F]\n---\n|-\n a\n"


WORDS = (
    *(b"&a ", b"*a", b"<<: ", b"!!", b"---\n", b"...\n", b"? ", b": ", b"- ", b"|2-\n", b">+\n"),
    *(b"%YAML 1.1\n", b"%TAG ! x\n", b"\xef\xbb\xbf", b"0x", b"0b1", b"1_000", b".nan", b"{a: ["),
)
TARGET = Target(check, seeds, WORDS)
