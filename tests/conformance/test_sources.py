"""What rendering relies on from every kind of source."""

import json
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.documents import intents
from bot.documents.models import ApplicationDocument
from bot.engine import discovery
from bot.gather.sources import TOOLS
from planners.model import ComponentSource, Json
from renderers.sources import ParameterKind, Source, SourceError
from renderers.tree import FileTree
from tests.conformance.jsons import TEXT, jsons
from tests.fakes.examples import examples

every = pytest.mark.parametrize("source", discovery.sources().values(), ids=lambda each: each.name)
small = examples(30)

MANIFEST = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: b}\n"
contents = st.one_of(
    st.just(MANIFEST),
    st.just(MANIFEST.replace(b"one", b"two")),
    st.just(MANIFEST + b"---\n" + MANIFEST.replace(b"one", b"three")),
    st.just(b'{"apiVersion": "v1", "kind": "List", "items": [{}]}'),
    jsons(("apiVersion", "kind", "metadata", "name", "items")).map(json.dumps).map(str.encode),
    TEXT.map(str.encode),
    st.binary(max_size=20),
)
trees = st.dictionaries(
    st.sampled_from(("a.yaml", "b/c.yml", "d.json", "README.md", "kustomization.yaml")),
    contents,
    max_size=4,
)


def handed_in(source: Source, files: FileTree) -> FileTree:
    """The files of the folder, or what the source's tool printed for them."""
    if not source.tool:
        return files
    return {"output.yaml": b"---\n".join(files[name] for name in sorted(files))}


def read(source: Source, files: FileTree) -> tuple[dict[str, Json], ...] | str:
    try:
        source.check(files)
        return source.objects(handed_in(source, files))
    except SourceError as error:
        return f"{error.file}:{error.line}:{error.column}: {error}"


@every
def test_it_is_described_and_its_tool_is_known(source: Source) -> None:
    assert source.summary.endswith(".")
    assert source.tool == "" or source.tool in TOOLS
    assert all(each.summary.endswith(".") for each in source.parameters)
    first = [each.kind for each in source.parameters[:1]]
    assert first in ([], [ParameterKind.FOLDER], [ParameterKind.CHART])
    assert source.tool or not source.per_cluster


@every
def test_a_component_can_name_it(source: Source) -> None:
    folder = source.parameters[0].name if source.parameters else ""
    written = {folder: "deploy/cart"} if folder else "deploy/cart"
    component = {"name": "cart", "source": {source.name: written}}
    document = {
        "apiVersion": "switchyard.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop"},
        "spec": {"tenant": "shop", "components": [component]},
    }

    (part,) = ApplicationDocument.model_validate(document).spec.components
    assert intents.source(part.source) == ComponentSource(source.name, "deploy/cart")


@every
def test_it_reads_manifests(source: Source) -> None:
    (item,) = source.objects(handed_in(source, {"main.yaml": MANIFEST}))

    assert item["kind"] == "ConfigMap"


@every
@given(files=trees)
@small
def test_it_reads_or_refuses_whatever_it_is_given(source: Source, files: FileTree) -> None:
    before = deepcopy(files)
    found = read(source, files)

    assert files == before
    assert read(source, dict(reversed(files.items()))) == found
    if isinstance(found, str):
        assert found.rpartition(": ")[2].strip()
        return
    for item in found:
        metadata = item["metadata"]
        assert isinstance(item["apiVersion"], str)
        assert isinstance(item["kind"], str)
        assert isinstance(metadata, dict)
        assert isinstance(metadata["name"], str)
