"""The list of kinds is complete: Kubernetes' own schemas know no other."""

import json
from pathlib import Path

import kubernetes_validate
import pytest

from renderers.kubernetes.kinds import (
    BUILT_IN,
    KINDS,
    Kind,
    Scope,
    is_allowed,
    is_forbidden,
    kind_of,
)

SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
VERSIONS = sorted(folder.name for folder in SCHEMAS.glob("v*-local"))


def with_metadata(version: str) -> set[tuple[str, str]]:
    definitions = json.loads((SCHEMAS / version / "_definitions.json").read_text())["$defs"]
    return {
        (kind["group"], kind["kind"])
        for schema in definitions.values()
        for kind in schema.get("x-kubernetes-group-version-kind", [])
        if "ObjectMeta" in json.dumps(schema.get("properties", {}).get("metadata", {}))
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_every_built_in_kind_is_listed(version: str) -> None:
    assert with_metadata(version) - set(KINDS) == set()


def test_every_listed_kind_of_kubernetes_exists_in_some_version() -> None:
    known = set().union(*(with_metadata(version) for version in VERSIONS))
    groups = {group for group, _ in known}
    ours = {key for key in BUILT_IN if key[0] in groups}

    assert ours - known == {("policy", "PodSecurityPolicy")}


@pytest.mark.parametrize(
    ("api_version", "kind", "expected"),
    [
        ("v1", "Endpoints", Kind("", "Endpoints", "endpoints", Scope.GUARDED)),
        ("apps/v1", "Deployment", Kind("apps", "Deployment", "deployments", Scope.OPEN)),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            Kind("networking.k8s.io", "NetworkPolicy", "networkpolicies", Scope.OPEN),
        ),
        (
            "networking.k8s.io/v1",
            "Ingress",
            Kind("networking.k8s.io", "Ingress", "ingresses", Scope.OPEN),
        ),
        ("v1", "Namespace", Kind("", "Namespace", "namespaces", Scope.CLUSTER)),
        ("example.com/v1", "Widget", Kind("example.com", "Widget", "widgets", Scope.UNKNOWN)),
        (
            "constraints.gatekeeper.sh/v1beta1",
            "NoRoot",
            Kind("constraints.gatekeeper.sh", "NoRoot", "noroots", Scope.CLUSTER),
        ),
    ],
)
def test_a_kind_is_found_by_its_group(api_version: str, kind: str, expected: Kind) -> None:
    assert kind_of({"apiVersion": api_version, "kind": kind}) == expected


def test_an_allowed_kind_is_named_no_further_than_it_says() -> None:
    kind = kind_of({"apiVersion": "batch/v1", "kind": "Job"})
    custom = kind_of({"apiVersion": "volcano.sh/v1", "kind": "Job"})

    assert is_allowed(kind, ["Job"])
    assert is_allowed(kind, ["Job.batch"])
    assert not is_allowed(kind, ["Job.volcano.sh", "CronJob", "job"])
    assert not is_allowed(custom, ["Job", "Job.batch"])
    assert is_allowed(custom, ["Job.volcano.sh"])


def test_a_forbidden_kind_without_a_group_is_one_of_any_group() -> None:
    kind = kind_of({"apiVersion": "volcano.sh/v1", "kind": "Job"})

    assert is_forbidden(kind, ["Job"])
    assert is_forbidden(kind, ["Job.volcano.sh"])
    assert not is_forbidden(kind, ["Job.batch"])
