"""The comparison with kubectl and helm finds every difference, and reads YAML as Go does."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.folders import deployment, write
from tests.tools.compare_public_apps import (
    PROGRAMS,
    Comparison,
    PublicApp,
    as_go_reads,
    compare,
    differences,
    digest_of,
    recorded,
)

WEB = deployment("web")
CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\n"
ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [nodes], verbs: [list]}]
"""
FILES = {
    "plain/web.yaml": WEB,
    "plain/notes.txt": "no manifest",
    "plain/script.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\ndata:\n  run: |\n    exit 0"
    ),
    "base/kustomization.yaml": "resources: [web.yaml]\nnamePrefix: my-\n",
    "base/web.yaml": WEB,
    "chart/Chart.yaml": CHART,
    "chart/templates/role.yaml": ROLE.replace("reader", "{{ .Release.Name }}"),
}


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")


def compared(folder: Path, source: Mapping[str, Any], **more: Any) -> Comparison:
    """The comparison of an application in a repository of its own."""
    repository = write(folder / "repository", FILES)
    git = ("git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "all")):
        subprocess.run([*git, *command], check=True)
    app = PublicApp("web", "shop/web", "HEAD", "2026-11-28", source, **more)
    return compare(app, repository, folder)


@pytest.mark.parametrize(
    ("source", "objects", "signed"),
    [
        ({"manifests": "plain"}, 2, 0),
        ({"kustomize": "base"}, 1, 0),
        ({"helm": {"chart": "chart"}}, 1, 1),
    ],
    ids=["manifests", "kustomize", "helm"],
)
def test_what_is_rendered_equals_the_programs_output(
    tmp_path: Path, source: Mapping[str, Any], objects: int, signed: int
) -> None:
    made = compared(tmp_path, source)

    assert made.problems == ()
    assert (made.objects, made.signed) == (objects, signed)


def test_a_problem_of_the_plan_is_a_problem_of_the_comparison(tmp_path: Path) -> None:
    made = compared(
        tmp_path, {"manifests": "plain"}, tenant={"kinds": {"forbidden": ["Deployment"]}}
    )

    assert ["must not write" in each for each in made.problems] == [True]


def test_every_difference_is_found() -> None:
    (web,) = as_go_reads(WEB.encode())
    other = {**web, "spec": {**web["spec"], "replicas": 2, "paused": True}}
    placed = {**other, "metadata": {**web["metadata"], "namespace": "shop"}}
    role = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}

    assert list(differences("shop", [web], [placed])) == [
        "('apps', 'Deployment', 'shop', 'web') differs at .spec.paused (only here)",
        "('apps', 'Deployment', 'shop', 'web') differs at .spec.replicas",
    ]
    assert list(differences("shop", [role, role], [web])) == [
        "the program has 1 objects twice",
        "('', 'Node', '', 'n') is missing",
        "('apps', 'Deployment', '', 'web') is not in the program's output",
    ]


def test_text_and_numbers_are_as_go_reads_them() -> None:
    head = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
    text = head + b"data: {a: 012, b: y, c: 1e3, d: null}\n"

    assert as_go_reads(text)[0]["data"] == {"a": 10, "b": True, "c": 1000, "d": None}
    assert digest_of(as_go_reads(text)) == digest_of(as_go_reads(b"---\n" + text + b"---\n"))


def test_the_record_names_each_application_once_and_fully() -> None:
    rows = recorded()

    assert len({row.application for row in rows}) == len(rows)
    assert [row for row in rows if len(row.commit) != 40 or len(row.digest) != 64] == []
    assert [row for row in rows if not row.objects >= row.signed >= 0] == []
    assert replace(rows[0], namespace="").home == rows[0].application
