"""An app repo's `switchyard.yaml`: read, or problems with places."""

from collections.abc import Iterator
from pathlib import Path

from bot.documents import read_application, read_fleet
from bot.documents.problems import MAX_PROBLEMS
from tests.fuzz import Target
from tests.fuzz.documents import as_json, fleet_files

SAMPLE = Path(__file__).parents[3] / "bot/sandbox/demo/sample"
MOST_CHARACTERS = 20_000
FILES = {"deploy/web/main.yaml": b"{}", "config/app.yaml": b"a: b\n", "deploy/cart/k.yaml": b""}
FLEET = read_fleet(fleet_files()).fleet


def check(data: bytes) -> None:
    """Every problem has a place and a message of bounded length."""
    files = {**FILES, "switchyard.yaml": data}
    for fleet in (None, FLEET):
        registration = fleet.registrations[0] if fleet else None
        read = read_application(files, fleet, registration)
        assert len(read.problems) <= MAX_PROBLEMS + 1
        assert read.application is not None or read.problems
        for each in read.problems:
            assert each.position.line >= 1
            assert len(str(each)) < MOST_CHARACTERS


def seeds() -> Iterator[bytes]:
    """The sample and the guides' applications, as they are written and as JSON."""
    for file in sorted(SAMPLE.rglob("switchyard.yaml")):
        yield file.read_bytes()
        yield from as_json(file.read_bytes())


WORDS = (
    *(b"dependsOn", b"placement", b"allOf", b"anyOf", b"spread", b"prefer", b"customizations"),
    *(
        b"strategicMerge",
        b"jsonPatch",
        b"mergePatch",
        b"files",
        b"rollout",
        b"stages",
        b"maxAtOnce",
    ),
    *(
        b"soak",
        b"timeout",
        b"quorum",
        b"exceptions",
        b"matchLabels",
        b"matchExpressions",
        b"target",
    ),
    *(
        b"99999999999999999h",
        b"1h30m",
        b"25%",
        b"${cluster.values.x:-1}",
        b"topologyKey",
        b"except",
    ),
)
TARGET = Target(check, seeds, WORDS, share=0.12)
