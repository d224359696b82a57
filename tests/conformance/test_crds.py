"""The agents' own definitions, against which the objects of every plugin are checked."""

from typing import Any

import pytest

from tests.fakes.crds import agent_kinds, violations

KUSTOMIZATION: dict[str, Any] = {
    "interval": "10m",
    "prune": True,
    "sourceRef": {"kind": "GitRepository", "name": "switchyard"},
}
APPLICATION: dict[str, Any] = {
    "project": "shop",
    "destination": {"server": "https://kubernetes.default.svc"},
    "source": {"repoURL": "https://git.example.com/shop/deploy", "path": "clusters/eu-1"},
}
REPO_SYNC: dict[str, Any] = {
    "sourceFormat": "unstructured",
    "git": {"repo": "https://git.example.com/shop/deploy", "auth": "none"},
}
KINDS = {
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"): KUSTOMIZATION,
    ("argoproj.io/v1alpha1", "Application"): APPLICATION,
    ("configsync.gke.io/v1beta1", "RepoSync"): REPO_SYNC,
}


@pytest.mark.parametrize(("api", "kind"), KINDS)
def test_an_api_server_takes_what_is_defined_and_nothing_else(api: str, kind: str) -> None:
    spec = KINDS[api, kind]
    item = {"apiVersion": api, "kind": kind, "metadata": {"name": "shop"}, "spec": spec}

    assert violations(item) == []
    (found,) = violations({**item, "spec": {**spec, "intervall": "10m"}})
    assert found.startswith("spec.intervall: is not a field of the schema")


def test_a_kind_without_a_definition_is_a_violation() -> None:
    item = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Applikation", "metadata": {"name": "x"}}

    assert violations(item) == ["argoproj.io/v1alpha1 Applikation has no definition in crds"]


def test_every_definition_has_a_schema() -> None:
    assert all(versions for versions in agent_kinds().values())
