"""Edits of YAML files by commands: one part changes, or the edit is refused."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bot.documents.edits import EditRefusedError, with_exception, with_maintenance, without_freeze
from renderers.yaml import YamlError, load_documents
from renderers.yaml.edits import Edit, EditError
from tests.fuzz import Target

SAMPLE = Path(__file__).parents[3] / "bot/sandbox/demo/sample"
CLUSTER = b"""\
# a comment
apiVersion: switchyard.dev/v1alpha1
kind: Cluster
metadata: {name: edge-1, labels: {a: b}}
spec:
  agent: flux  # another
  maintenance: drained
"""
POLICY = b"""\
apiVersion: switchyard.dev/v1alpha1
kind: Policy
metadata: {name: holidays}
spec:
  freezes:
  - {name: x, from: "2026-12-24T00:00:00Z"}
  - name: y
    clusters: {names: [a]}
"""


def check(data: bytes) -> None:
    """EditError, YamlError or EditRefusedError; otherwise the file has exactly the new value."""
    with contextlib.suppress(EditError, YamlError):
        changed = Edit(data).put(("spec", "maintenance"), "drained: \"'#")
        assert load_documents(changed)[0].value["spec"]["maintenance"] == "drained: \"'#"  # type: ignore[index,call-overload]
    for each in ({"a": "b"}, {"": [1, {"x": None}]}):
        with contextlib.suppress(EditError, YamlError):
            Edit(data).append(("spec", "freezes"), each)  # type: ignore[arg-type]
    for path in (("spec", "freezes", 0), ("spec", "maintenance"), ("metadata", "name")):
        with contextlib.suppress(EditError, YamlError):
            load_documents(Edit(data).remove(path))
    with contextlib.suppress(EditRefusedError, YamlError):
        with_maintenance({"clusters/a.yaml": data}, "edge-1", drained=True)
    with contextlib.suppress(EditRefusedError, YamlError):
        with_exception(data, {"components": ["web"]})
    with contextlib.suppress(EditRefusedError, YamlError):
        without_freeze({"policies/a.yaml": data}, "x")


def seeds() -> Iterator[bytes]:
    """A cluster, a policy, and the sample's application."""
    yield CLUSTER
    yield POLICY
    yield CLUSTER.replace(b"\n", b"\r\n")
    yield b"\xef\xbb\xbf" + POLICY
    for file in sorted(SAMPLE.rglob("switchyard.yaml"))[:2]:
        yield file.read_bytes()[:4000]


WORDS = (
    b"spec:\n",
    b"  freezes:\n",
    b"maintenance: ",
    b"  - ",
    b"&a ",
    b"*a",
    b"{",
    b"}",
    b" # x\n",
)
TARGET = Target(check, seeds, WORDS, share=0.12)
