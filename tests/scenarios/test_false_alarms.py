"""What people really have in their repositories passes, and is written as it is meant."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.engine.propose import Proposal
from renderers import yaml
from renderers.tree import MAX_FILE, NOT_FOLLOWED
from tests.fakes.folders import (
    application,
    cluster,
    planned,
    registration,
    snapshot_of,
    tenant,
    write,
)

KINDS = "Gateway.networking.istio.io, Widget.example.com, CustomResourceDefinition"
FLEET = {
    **cluster("edge-1"),
    **tenant(spec=f"namespace: shop, kinds: {{allowed: [{KINDS}]}}"),
    **registration(),
}
VALUE = "ENC[AES256_GCM,data:aa==,iv:bb==,tag:cc==,type:str]"


def run(folder: Path, files: Mapping[str, str], more: str = "") -> Proposal:
    """The plan of one component with these manifests."""
    spec = (
        "components: [{name: web, source: {manifests: web}}]\n"
        f"placement: [{{components: [web], allOf: [{{}}]}}]\n{more}"
    )
    app = {**application(spec), **{f"web/{name}": text for name, text in files.items()}}
    return planned(folder, app, FLEET)


def rendered(proposal: Proposal) -> dict[str, Any]:
    """File name -> parsed object."""
    assert [str(each) for each in proposal.problems] == []
    return {
        path.rpartition("/")[2]: yaml.load_documents(content)[0].value
        for path, content in proposal.trees["edge-1"].items()
        if "/apps/" in path
    }


def problems(proposal: Proposal) -> list[str]:
    """What is refused."""
    return [str(each) for each in proposal.problems]


def secret(value: str = VALUE, mac: str = VALUE, field: str = "stringData") -> str:
    """A Secret as SOPS writes it."""
    return (
        f'metadata: {{name: s}}\nkind: Secret\napiVersion: v1\n{field}: {{p: "{value}"}}\n'
        f'sops: {{lastmodified: "2026-11-20T10:00:00Z", mac: "{mac}", version: 3.9.0, '
        'age: [{recipient: age1x, enc: "-----BEGIN AGE ENCRYPTED FILE-----"}]}\n'
    )


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_an_encrypted_secret_gains_its_namespace_alone(tmp_path: Path, field: str) -> None:
    written = secret(field=field)

    found = rendered(run(tmp_path, {"s.yaml": written}))["secret-s.yaml"]

    source: Any = yaml.load_documents(written.encode())[0].value
    source["metadata"]["namespace"] = "shop"
    assert json.dumps(found) == json.dumps(source)


def test_an_encrypted_secret_with_a_namespace_stays_as_it_is(tmp_path: Path) -> None:
    written = secret().replace("name: s", "namespace: shop, name: s")

    found = rendered(run(tmp_path, {"s.yaml": written}))["secret-s.yaml"]

    assert json.dumps(found) == json.dumps(yaml.load_documents(written.encode())[0].value)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (secret("ENC[hunter2]"), "contains plaintext values at stringData.p"),
        (secret("ENC[hunter2]", mac=""), "contains plaintext values; keep them out of Git"),
        (secret(mac="ENC[x]"), "contains plaintext values; keep them out of Git"),
    ],
)
def test_a_secret_that_only_looks_encrypted_is_refused(
    tmp_path: Path, written: str, message: str
) -> None:
    found = problems(run(tmp_path, {"s.yaml": written}))

    assert any(f"Secret/s {message}" in each for each in found)
    assert "hunter2" not in str(found)


BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: x}]
"""


def test_a_subject_without_namespace_is_of_the_bindings_namespace(tmp_path: Path) -> None:
    assert rendered(run(tmp_path, {"b.yaml": BINDING}))["rolebinding-reader.yaml"]["subjects"]


def test_a_subject_without_namespace_in_another_namespace_is_refused(tmp_path: Path) -> None:
    other = BINDING.replace("{name: reader}\nroleRef", "{name: reader, namespace: bank}\nroleRef")

    found = problems(run(tmp_path, {"b.yaml": other}))

    assert any("subjects[0] is a service account of namespace bank" in each for each in found)


@pytest.mark.parametrize(
    "item",
    ["", "  apiVersion: rbac.authorization.k8s.io/v1\n  kind: RoleBinding\n"],
    ids=["items without a type", "items with a type"],
)
def test_a_typed_list_is_its_items(tmp_path: Path, item: str) -> None:
    body = BINDING.partition("kind: RoleBinding\n")[2].replace("\n", "\n  ").rstrip()
    written = (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBindingList\nmetadata: {}\nitems:\n"
        f"- {item.strip() or 'labels: null'}\n  {body}\n"
        if item
        else "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBindingList\nitems:\n- "
        + body
        + "\n"
    )

    found = rendered(run(tmp_path, {"l.yaml": written}))["rolebinding-reader.yaml"]

    assert (found["kind"], found["metadata"]["name"]) == ("RoleBinding", "reader")


DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                note: {type: string}
                kept: {type: string, nullable: true}
                list: {type: array, items: {type: object, properties: {a: {type: string}}}}
                labels: {type: object, additionalProperties: {type: string}}
"""
WIDGET = """\
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {note: null, kept: null, list: [{a: null}], labels: {x: null, y: z}}
"""


def test_nulls_of_custom_resources_are_dropped_where_the_api_server_drops_them(
    tmp_path: Path,
) -> None:
    made = run(tmp_path, {"crd.yaml": DEFINITION, "w.yaml": WIDGET})

    assert rendered(made)["widget-w.yaml"]["spec"] == {
        "kept": None,
        "labels": {"y": "z"},
        "list": [{}],
    }


GATEWAYS = {
    "a.yaml": "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: web}\n"
    "spec: {servers: []}\n",
    "b.yaml": "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: web}\n"
    "spec: {gatewayClassName: c, listeners: [{name: http, port: 80, protocol: HTTP, "
    "hostname: web.shop.svc.cluster.local}]}\n",
}


def test_one_name_in_two_groups(tmp_path: Path) -> None:
    found = rendered(run(tmp_path, GATEWAYS))

    assert {name: each["apiVersion"] for name, each in found.items()} == {
        "gateway-web.yaml": "gateway.networking.k8s.io/v1",
        "gateway.networking.istio.io-web.yaml": "networking.istio.io/v1",
    }


def test_a_customisation_of_one_of_two_groups(tmp_path: Path) -> None:
    change = "customizations: [{name: c, components: [web], target: {kind: %s, name: web}, mergePatch: {metadata: {labels: {a: b}}}}]"

    assert "write Gateway.gateway.networking.k8s.io or Gateway.networking.istio.io" in str(
        problems(run(tmp_path / "1", GATEWAYS, change % "Gateway"))
    )
    found = rendered(run(tmp_path / "2", GATEWAYS, change % "Gateway.networking.istio.io"))
    labels = {name: each["metadata"].get("labels") for name, each in found.items()}
    assert labels == {
        "gateway-web.yaml": None,
        "gateway.networking.istio.io-web.yaml": {"a": "b"},
    }


def test_names_of_roles_are_path_segments(tmp_path: Path) -> None:
    names = ["a:b", "a-b", "Reader", "reader", "x@y z", "_"]
    files = {
        f"{number}.yaml": f"apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n"
        f'metadata: {{name: "{name}"}}\nrules: []\n'
        for number, name in enumerate(names)
    }

    found = rendered(run(tmp_path, files))

    assert sorted(each["metadata"]["name"] for each in found.values()) == sorted(names)
    assert {"role-a-b.yaml", "role-reader.yaml"} <= found.keys()


ORDERED = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: c, labels: {a: "1", b: "2"}}
data: {x: "1", y: "2"}
"""
REORDERED = """\
data: {y: "2", x: "1"}
metadata: {labels: {b: "2", a: "1"}, name: c}
kind: ConfigMap
apiVersion: v1
"""


def test_keys_in_another_order_are_no_change(tmp_path: Path) -> None:
    one = run(tmp_path / "1", {"c.yaml": ORDERED})
    other = run(tmp_path / "2", {"c.yaml": REORDERED})

    assert one.trees == other.trees
    assert one.digest == other.digest


def test_a_picture_in_the_repository_is_no_problem(tmp_path: Path) -> None:
    picture = tmp_path / "app" / "web" / "picture.png"
    picture.parent.mkdir(parents=True)
    with picture.open("wb") as file:
        file.truncate(MAX_FILE + 1)

    assert rendered(run(tmp_path, {"c.yaml": ORDERED}))


def test_a_link_elsewhere_in_the_repository_is_no_problem(tmp_path: Path) -> None:
    link = write(tmp_path / "app", {"docs/a.md": ""}) / "docs" / "b.md"
    link.symlink_to("a.md")

    assert rendered(run(tmp_path, {"c.yaml": ORDERED}))


@pytest.mark.parametrize("name", ["more.yaml", "more"])
def test_a_link_among_the_manifests_is_refused(tmp_path: Path, name: str) -> None:
    link = write(tmp_path / "app", {"other/c.yaml": ORDERED}) / "web" / name
    link.parent.mkdir()
    link.symlink_to("../other/c.yaml" if name.endswith(".yaml") else "../other")

    assert problems(run(tmp_path, {"c.yaml": ORDERED})) == [f"web/{name}:1:1: {NOT_FOLLOWED}"]


def test_manifests_may_lie_beside_the_applications_own_document(tmp_path: Path) -> None:
    spec = (
        "components: [{name: web, source: {manifests: .}}]\n"
        "placement: [{components: [web], allOf: [{}]}]\n"
    )

    made = planned(tmp_path, {**application(spec), "c.yaml": ORDERED}, FLEET)

    assert len(rendered(made)) == 1


def test_a_manifest_that_is_too_large_is_refused(tmp_path: Path) -> None:
    manifest = tmp_path / "app" / "web" / "big.yaml"
    manifest.parent.mkdir(parents=True)
    with manifest.open("wb") as file:
        file.truncate(MAX_FILE + 1)

    assert problems(run(tmp_path, {"c.yaml": ORDERED})) == [
        "web/big.yaml:1:1: the file is larger than 16777216 bytes"
    ]


def test_a_definition_of_a_megabyte_is_written_and_more_than_etcd_takes_is_refused(
    tmp_path: Path,
) -> None:
    texts = "".join(
        f"                f{n}: {{type: string, description: {'x' * 1000}}}\n" for n in range(1100)
    )
    large = rendered(run(tmp_path / "1", {"crd.yaml": DEFINITION + texts}))
    assert len(str(large)) > 1024 * 1024

    found = problems(
        run(
            tmp_path / "2",
            {"crd.yaml": DEFINITION + texts + texts.replace("f", "g", 0).replace(" f", " g")},
        )
    )
    assert len(found) == 1
    assert found[0].startswith(
        "web/crd.yaml:1:1: web: CustomResourceDefinition/widgets.example.com has "
    )


def test_two_customisations_of_700_kb_each_are_refused(tmp_path: Path) -> None:
    change = "{name: %s, components: [web], configMap: {name: c, files: [{file: %s}]}}"
    more = f"customizations: [{change % ('a', 'big/a')}, {change % ('b', 'big/b')}]"
    big = tmp_path / "app" / "big"
    big.mkdir(parents=True)
    for name in "ab":
        (big / name).write_text("x" * 700_000)

    found = problems(run(tmp_path, {"c.yaml": ORDERED}, more))

    assert found == [
        "switchyard.yaml:8:96: customisation b: ConfigMap/c contains 1400002 bytes; the limit of Kubernetes is 1 MiB [on edge-1]"
    ]


@pytest.mark.parametrize("version", ["1.31", "1.31.4", "v1.31.4+k3s1", "v1.31.0-gke.100", "v1.31"])
def test_versions_as_kubectl_prints_them(tmp_path: Path, version: str) -> None:
    fleet = {**FLEET, **cluster("edge-1", kubernetes=f'"{version}"')}
    spec = "components: [{name: web, source: {manifests: web}}]\nplacement: [{components: [web], allOf: [{}]}]"
    files = {**application(spec), "web/c.yaml": ORDERED}

    snapshot = snapshot_of(tmp_path, files, fleet)

    assert [each.kubernetes for each in snapshot.clusters] == ["1.31"]


def test_the_schema_of_a_definition_names_no_secrets(tmp_path: Path) -> None:
    """A property may be called secretName, and its description may contain a slash."""
    described = (
        "                secretName: {type: string, description: see https://example.com/secrets}\n"
    )

    assert rendered(run(tmp_path, {"crd.yaml": DEFINITION + described}))
