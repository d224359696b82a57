"""The manifests of a component, from the file to the deploy tree of a whole plan."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bot.engine.propose import propose
from renderers.tree import safe_join
from tests.fakes.builders import application, clusters, component, snapshot
from tests.fuzz import Target
from tests.fuzz.documents import as_json

SAMPLE = Path(__file__).parents[3] / "bot/sandbox/demo/sample/app/deploy"
BASE = snapshot(application(component("web")), clusters(2))


def check(data: bytes) -> None:
    """A plan or its problems; every path is portable, and planning again gives the same digest."""
    world = replace(BASE, sources={"web": {"main.yaml": data}})
    proposal = propose(world)
    again = propose(world)
    assert proposal.digest == again.digest
    for problem in proposal.problems:
        assert len(str(problem)) < 50_000
    for change in proposal.changes:
        for file in change.files:
            safe_join(*file.path.split("/"))


def seeds() -> Iterator[bytes]:
    """The sample's manifests, as they are written and as JSON."""
    for file in sorted(SAMPLE.rglob("*.yaml"))[::2]:
        yield file.read_bytes()
        yield from as_json(file.read_bytes())


WORDS = (
    *(b"replicas", b"resources", b"requests", b"cpu", b"memory", b"limits", b"containers", b"name"),
    *(b"serviceName", b"configMapRef", b"secretRef", b"env", b"valueFrom", b"selector", b"ports"),
)
TARGET = Target(check, seeds, WORDS, share=0.05)
