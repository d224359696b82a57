"""Platform add-ons with cluster-wide rights roll out once the platform team has signed them."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.engine.propose import Proposal
from renderers import yaml
from renderers.policy.signatures import object_digest
from tests.fakes.builders import warnings_of
from tests.fakes.folders import application, cluster, planned, policy, registration, tenant

ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: controller}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
"""
FLEET = {**cluster("edge-1"), **tenant(), **registration(), **registration("till")}


PLATFORM = {**FLEET, **tenant(spec="namespace: shop, kinds: {allowed: [ClusterRole]}")}


def run(
    folder: Path, role: str = ROLE, *, fleet: Mapping[str, str] = FLEET, **signed: str
) -> Proposal:
    """The plan of a role, with a signature of these fields."""
    spec = "components: [{name: web, source: {manifests: web}}]\nplacement: [{components: [web], allOf: [{}]}]"
    fields = {
        "application": "store",
        "kind": "ClusterRole",
        "name": "controller",
        "reason": "it manages clusters",
        **signed,
    }
    entry = ", ".join(f'{key}: "{value}"' for key, value in fields.items())
    fleet = {**fleet, **(policy(f"signedObjects: [{{{entry}}}]") if signed else {})}
    return planned(folder, {**application(spec), "web/role.yaml": role}, fleet)


def digest_of(proposal: Proposal) -> str:
    """The digest that the refusal shows."""
    found = re.search(
        r"signedObjects, digest ([0-9a-f]{64})", " ".join(map(str, proposal.problems))
    )
    assert found is not None
    return found[1]


def test_a_signed_object_rolls_out(tmp_path: Path) -> None:
    digest = digest_of(run(tmp_path / "1"))

    made = run(tmp_path / "2", digest=digest)

    assert made.problems == ()
    assert any(path.endswith("/clusterrole-controller.yaml") for path in made.trees["edge-1"])
    assert warnings_of(made) == (
        "ClusterRole/controller is permitted by its signature in a policy: it manages clusters",
    )


@pytest.mark.parametrize(
    "other",
    [{"application": "till"}, {"kind": "Role"}, {"name": "other"}, {"digest": "0" * 64}],
    ids=lambda each: next(iter(each)),
)
def test_a_signature_of_something_else_does_not_count(
    tmp_path: Path, other: dict[str, str]
) -> None:
    digest = digest_of(run(tmp_path / "1"))

    assert run(tmp_path / "2", **{"digest": digest, **other}).problems


def test_a_changed_object_needs_a_new_signature(tmp_path: Path) -> None:
    digest = digest_of(run(tmp_path / "1"))
    changed = ROLE.replace("{name: controller}", "{name: controller, labels: {v: '2'}}")

    assert digest_of(run(tmp_path / "2", changed, digest=digest)) != digest


@pytest.mark.parametrize(
    "metadata",
    [
        "name: controller, namespace: kube-system",
        "name: controller, annotations: {helm.sh/resource-policy: keep}",
        "name: controller, labels: {pod-security.kubernetes.io/warn: baseline}",
    ],
)
def test_a_signature_covers_namespace_and_metadata(tmp_path: Path, metadata: str) -> None:
    role = ROLE.replace("name: controller", metadata).replace("ClusterRole", "Role")
    digest = digest_of(run(tmp_path / "1", role, fleet=PLATFORM))

    made = run(tmp_path / "2", role, fleet=PLATFORM, kind="Role", digest=digest)

    assert made.problems == ()
    assert (
        len([path for path in made.trees["edge-1"] if path.endswith("role-controller.yaml")]) == 1
    )


@pytest.mark.parametrize(
    ("metadata", "refused"),
    [
        ("name: switchyard", "has a name reserved for Switchyard's own objects"),
        (
            "name: controller, annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}",
            "controls the cluster's agent",
        ),
        ("name: controller, annotations: {helm.sh/hook: test}", "turns the object into a hook"),
        ("name: controller, finalizers: [a.example.com/x]", "has finalizer a.example.com/x"),
    ],
)
def test_a_signature_does_not_cover(tmp_path: Path, metadata: str, refused: str) -> None:
    role = ROLE.replace("name: controller", metadata)
    value = yaml.load_documents(role.encode())[0].value
    assert isinstance(value, dict)
    name = metadata.partition(",")[0].removeprefix("name: ")
    made = run(tmp_path, role, name=name, digest=object_digest(value))

    assert [refused in str(each) for each in made.problems] == [True]


def test_agents_stay_out_of_reach(tmp_path: Path) -> None:
    kustomization = (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: controller}\n"
        "spec: {}\n"
    )
    value = yaml.load_documents(kustomization.encode())[0].value
    assert isinstance(value, dict)
    made = run(tmp_path, kustomization, kind="Kustomization", digest=object_digest(value))

    assert "controls the cluster's agent" in str(made.problems[0])
