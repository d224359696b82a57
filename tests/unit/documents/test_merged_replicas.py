"""The replicas that merged objects state."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bot.documents.merged_replicas import with_merged_replicas
from planners.inputs import planning_input
from planners.model import ObjectIdentity, Revision, Unit
from planners.model.fleet_files import FleetFiles
from planners.model.snapshot import DeployBase, Snapshot
from renderers.tree import blob_id
from tests.fakes.builders import DEPLOY, snapshot

CONTENTS = {
    "three": b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n"
    b"spec:\n  replicas: 3\n",
    "one": b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart}\nspec: {replicas: 1}\n",
    "flag": b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replicas: true}\n",
    "broken": b"replicas: [3\n",
    "list": b"- replicas: 3\n",
}
FOLDER = "clusters/eu-1/apps/shop/storefront/web"
WEB = Unit("web", "eu-1")


def merged(sources: Mapping[str, bytes], files: Mapping[str, bytes] | None = None) -> Snapshot:
    blobs = {blob_id(content): content for content in CONTENTS.values()}
    paths = {f"{FOLDER}/deployment-{name}.yaml": blob_id(each) for name, each in CONTENTS.items()}
    paths["clusters/eu-1/sync/shop/storefront/web.yaml"] = blob_id(b"not read")
    entries = FleetFiles.of({WEB: paths, Unit("cart", "eu-1"): {}})
    base = DeployBase(Revision(DEPLOY, "0" * 40), entries)
    made = replace(snapshot(), base=base, sources={"web": sources}, files=files or {})
    return with_merged_replicas(made, blobs.__getitem__)


@pytest.mark.parametrize("kind", [b"HorizontalPodAutoscaler", b"ScaledObject"])
def test_those_of_more_than_one_count_where_there_is_an_autoscaler(kind: bytes) -> None:
    found = {WEB: {ObjectIdentity("apps", "Deployment", "shop", "web"): 3}}
    text = b"kind: " + kind

    assert merged({"scaler.yaml": text}).merged_replicas == found
    assert merged({}, {"template.yaml": text}).merged_replicas == found
    assert planning_input(merged({"scaler.yaml": text})).merged_replicas == found


def test_nothing_is_read_without_one() -> None:
    assert merged({"main.yaml": b"kind: Deployment"}).merged_replicas == {}
