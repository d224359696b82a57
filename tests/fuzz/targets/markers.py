"""Signed markers in comments and descriptions; `SIGN` becomes a marker that is genuine."""

from collections.abc import Iterator

from bot.forges import Markers
from planners.model import Repo
from tests.fuzz import Target, text

MARKERS = Markers(b"marker-key-of-the-fuzzing")
HERE, THERE = Repo("github", "shop/storefront"), Repo("github", "shop/other")
GENUINE = MARKERS.write("home", HERE, {"application": "storefront", "digest": "d" * 64})
FOREIGN = MARKERS.write("home", THERE, {"application": "storefront", "digest": "d" * 64})


def check(data: bytes) -> None:
    """Only a marker of this repository and kind is read, and gives what was written."""
    body = text(data).replace("SIGN", GENUINE, 3)
    found = MARKERS.read("home", HERE, body)
    if found is not None:
        assert body.startswith(GENUINE)
        assert MARKERS.write("home", HERE, found) == GENUINE
    assert MARKERS.read("record", HERE, body) is None
    assert MARKERS.read("home", THERE, body) is None or FOREIGN in body


def seeds() -> Iterator[bytes]:
    """A genuine marker, one of another repository, and changed ones."""
    yield b"SIGN\n\n**storefront**: waits\n"
    yield FOREIGN.encode()
    yield GENUINE.replace("home", "record").encode()
    yield (GENUINE[:-6] + "0 -->").encode()


TARGET = Target(
    check, seeds, (b"SIGN", b"<!-- switchyard:home ", b" -->", FOREIGN.encode()), share=2
)
