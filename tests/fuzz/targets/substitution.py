"""References to values of a cluster in customisations, such as `${cluster.name}`."""

from collections.abc import Iterator

from renderers.substitution import (
    Place,
    ValueReferenceError,
    references,
    substitute,
    substitute_text,
)
from tests.fakes.builders import clusters
from tests.fuzz import Target, text

PLACE = Place(clusters(1)[0])


def check(data: bytes) -> None:
    """ValueReferenceError, or a text in which only references have changed."""
    written = text(data)
    try:
        shown = substitute_text(written, PLACE)
        value = substitute({"a": [written]}, PLACE)
    except ValueReferenceError as error:
        assert len(str(error)) < len(written) * 5 + 500
        return
    assert isinstance(value, dict)
    if "${cluster" not in written:
        assert shown == written
        assert value == {"a": [written]}
        assert not references(written)


def seeds() -> Iterator[bytes]:
    """References with and without defaults, escapes, and what is none."""
    yield b"${cluster.name}"
    yield b"a ${cluster.labels.region:-eu} $${cluster.name} ${HOME} ${cluster.values.x:-}"
    yield b"${cluster.values.a.b}${cluster.labels.example.com/a}${cluster}${cluster.}"


WORDS = (b"${cluster.", b"$${", b":-", b"}", b"labels.", b"values.", b"name", b"canary")
TARGET = Target(check, seeds, WORDS, share=2)
