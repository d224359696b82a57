"""JSON patches of customisations."""

from collections.abc import Iterator

from tests.fuzz import SECRET, Target
from tests.fuzz.patches import cases, checker, encoded

DOUBLING = [{"op": "copy", "from": "/a", "path": "/a/-"}] * 24


def seeds() -> Iterator[bytes]:
    """Every operation, pointers with escapes, and copies that double."""
    item = next(item for item, _ in cases())
    image = "/spec/template/spec/containers/0/image"
    for operation in (
        {"op": "add", "path": "/metadata/labels", "value": {"a~1b": "c"}},
        {"op": "replace", "path": image, "value": "b:2"},
        {"op": "test", "path": "/stringData/a", "value": SECRET[:-1]},
        {"op": "remove", "path": "/metadata/name"},
        {"op": "move", "from": "/metadata/name", "path": "/metadata/labels/a"},
        {"op": "copy", "from": "", "path": "/a~0b/-"},
    ):
        yield encoded(item, [operation])
        yield encoded({"stringData": {"a": SECRET}, "l": [1, [2]]}, [operation, operation])
    yield encoded({"a": [1]}, DOUBLING)


WORDS = (
    *(b'"op"', b'"path"', b'"from"', b'"value"', b'"add"', b'"copy"', b'"move"', b'"test"'),
    *(b"/-", b"~0", b"~1", b"~2", b"/0", b"/01", b"/-1", b"//", b"/spec", b"/metadata/name"),
)
TARGET = Target(checker("jsonPatch"), seeds, WORDS, share=0.25)
