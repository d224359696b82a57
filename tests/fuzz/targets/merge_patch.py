"""JSON merge patches of customisations."""

from collections.abc import Iterator

from tests.fuzz import Target
from tests.fuzz.patches import cases, checker, encoded


def seeds() -> Iterator[bytes]:
    """Objects and partial objects."""
    return (encoded(item, patch) for item, patch in cases())


TARGET = Target(checker("mergePatch"), seeds, (b"null", b'"spec":', b'"metadata":'))
