"""Documents of a fleet for seeds and targets, from the sample of the demo."""

import json
from collections.abc import Iterator
from pathlib import Path

from renderers.yaml import load_documents

FLEET = Path(__file__).parents[2] / "bot/sandbox/demo/sample"


def as_json(content: bytes) -> Iterator[bytes]:
    """Each document of a file as JSON, which is YAML as well."""
    for each in load_documents(content):
        yield json.dumps(each.value).encode()


def fleet_files() -> dict[str, bytes]:
    """The fleet repository of the demo."""
    found = next(each for each in FLEET.rglob("clusters") if each.is_dir()).parent
    return {
        str(file.relative_to(found)): file.read_bytes() for file in sorted(found.rglob("*.yaml"))
    }
