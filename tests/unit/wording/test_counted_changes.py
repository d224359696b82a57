"""What a comment counts as created or deleted comes from each cluster's own change set.

An object is deleted only where its file, or the object in it, is removed from the deploy repo. A
cluster that already has what others still get deletes nothing, and neither does one that never
gets it.
"""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.wording.changes import lines, title
from bot.wording.diffs import diffs_of, render_diffs
from planners.gating.change_sets import ChangeSet
from planners.gating.differences import FileChange
from planners.model import Stage, Unit
from planners.order import Wave

Files = Mapping[str, Mapping[str, str]]
"""Cluster -> file -> the objects in it, such as `redis=1,web=2`: names and a value."""

BOTH = {"redis.yaml": "redis=1", "web.yaml": "web=1"}
REDIS = {"redis.yaml": "redis=1"}
WEB = {"web.yaml": "web=1"}


def _objects(text: str) -> bytes:
    documents = (each.split("=") for each in text.split(","))
    return "---\n".join(
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: '{value}'}}\n"
        for name, value in documents
    ).encode()


def _told(merged: Files, desired: Files) -> tuple[dict[str, tuple[str, ...]], str]:
    """What each cluster's group says of its objects, and all of the text."""
    blobs: dict[str, bytes] = {}
    files = []
    for cluster in sorted({*merged, *desired}):
        old, new = merged.get(cluster, {}), desired.get(cluster, {})
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                for each in (old.get(name), new.get(name)):
                    if each is not None:
                        blobs[each] = _objects(each)
                path = f"clusters/{cluster}/apps/shop/storefront/{name}"
                files.append(FileChange(path, Unit("any", cluster), old.get(name), new.get(name)))
    units = tuple(sorted({each.unit for each in files}))
    change = ChangeSet(Wave("all.1", Stage("all"), 0, 0, units), tuple(files), 0, "digest")
    diffs = diffs_of([change], blobs)
    found = {
        cluster: (str(title(group.changes)), *(str(each) for each in lines(group.changes)))
        for group in diffs.groups
        for cluster in group.clusters
    }
    return found, render_diffs(diffs, 50_000, "")


KEPT: dict[str, tuple[Files, Files]] = {
    "half merged: one cluster has redis already": (
        {"c1": REDIS},
        {"c1": BOTH, "c2": BOTH, "c3": BOTH},
    ),
    "half merged: most clusters have redis already": (
        {"c1": REDIS, "c2": REDIS},
        {"c1": BOTH, "c2": BOTH, "c3": BOTH},
    ),
    "a cluster that never gets redis": ({}, {"c1": WEB, "c2": BOTH, "c3": BOTH}),
    "clusters with nothing in common": ({}, {"c1": WEB, "c2": REDIS, "c3": REDIS}),
    "a variable that most clusters set": (
        {},
        {"c1": {"web.yaml": "web=1"}, "c2": {"web.yaml": "web=2"}, "c3": {"web.yaml": "web=2"}},
    ),
    "half merged update": (
        {
            "c1": {**REDIS, "web.yaml": "web=0"},
            "c2": {"redis.yaml": "redis=0", "web.yaml": "web=0"},
        },
        {"c1": BOTH, "c2": BOTH},
    ),
    "an object that moves to another file": (
        {"c1": {"all.yaml": "redis=1,web=1"}, "c2": {"all.yaml": "redis=1,web=1"}},
        {"c1": BOTH, "c2": BOTH},
    ),
    "a file by another name": ({"c1": WEB}, {"c1": {"front.yaml": "web=1"}}),
}


@pytest.mark.parametrize("case", KEPT)
def test_nothing_that_is_kept_is_called_deleted(case: str) -> None:
    found, text = _told(*KEPT[case])

    assert "deleted" not in text
    assert "removed" not in text
    assert "deleted" not in str(found)


DELETED: dict[str, tuple[Files, Files, dict[str, tuple[str, ...]]]] = {
    "a file": (
        {"c1": BOTH, "c2": BOTH},
        {"c1": WEB, "c2": BOTH},
        {"c1": ("1 object deleted", "ConfigMap redis: deleted")},
    ),
    "an object of a file": (
        {"c1": {"all.yaml": "redis=1,web=1"}},
        {"c1": {"all.yaml": "web=1"}},
        {"c1": ("1 object deleted", "ConfigMap redis: deleted")},
    ),
    "on one cluster while others get it": (
        {"c1": REDIS},
        {"c2": REDIS, "c3": REDIS},
        {
            "c1": ("1 object deleted", "ConfigMap redis: deleted"),
            "c2": ("1 object created", "ConfigMap redis: created"),
            "c3": ("1 object created", "ConfigMap redis: created"),
        },
    ),
}


@pytest.mark.parametrize("case", DELETED)
def test_what_is_removed_from_the_deploy_repo_is_deleted(case: str) -> None:
    merged, desired, expected = DELETED[case]

    assert _told(merged, desired)[0] == expected


def test_a_new_object_that_varies_is_compared_and_not_called_changed() -> None:
    _, text = _told(*KEPT["a variable that most clusters set"])

    title = "1 object created; differs from most clusters: <code>a 1</code> instead of"
    assert f"{title} <code>2</code></summary>" in text
    assert "-&gt;" not in text


def test_what_only_some_clusters_create_is_named() -> None:
    _, text = _told({}, {"c1": BOTH, "c2": WEB, "c3": WEB})

    assert "2 objects created; differs from most clusters: 1 more object<" in text
    told = "Differs from most clusters:\n\n- `ConfigMap redis`: created\n\nAll changes:\n\n- `"
    assert told in text


FILES = st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"))
CLUSTERS = st.dictionaries(st.sampled_from(("c1", "c2", "c3", "c4")), FILES)


@given(CLUSTERS, CLUSTERS)
def test_each_cluster_counts_for_itself(merged: Files, desired: Files) -> None:
    """Whatever the other clusters have and get."""
    sides = (
        {
            cluster: {f"{name}.yaml": f"{name}={value}" for name, value in files.items()}
            for cluster, files in side.items()
        }
        for side in (merged, desired)
    )
    found, _ = _told(*sides)

    for cluster, (_, *said) in found.items():
        old, new = merged.get(cluster, {}), desired.get(cluster, {})
        created = {f"ConfigMap {name}: created" for name in new if name not in old}
        deleted = {f"ConfigMap {name}: deleted" for name in old if name not in new}
        assert {each for each in said if each.endswith("created")} == created
        assert {each for each in said if each.endswith("deleted")} == deleted
