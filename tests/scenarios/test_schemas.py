"""Objects that a cluster would reject are rejected in the plan, with position and remedy."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.cli.errors import InputError
from bot.engine.propose import Proposal
from tests.fakes.builders import warnings_of
from tests.fakes.folders import application, cluster, deployment, planned, registration, tenant

SPEC = """
components:
  - {name: web, source: {manifests: web}}
placement:
  - {components: [web], allOf: [{}]}
"""
PATCH = """
customizations:
  - name: probes
    components: [web]
    clusters: {names: [old, new]}
    target: {kind: Deployment, name: web}
    strategicMerge:
      spec:
        template:
          spec:
            containers:
              - name: web
                resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}]
"""
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rockets.space.example}
spec:
  group: space.example
  scope: Namespaced
  names: {kind: Rocket, plural: rockets}
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
              required: [engine]
              properties:
                engine: {type: string, enum: [liquid, solid]}
                thrust: {x-kubernetes-int-or-string: true}
                notes: {type: object, x-kubernetes-preserve-unknown-fields: true}
                stages: {type: array, items: {type: object, properties: {fuel: {type: number}}}}
"""


def run(
    folder: Path, manifests: Mapping[str, str], more: str = "", spec: str = "namespace: shop"
) -> Proposal:
    app = {**application(SPEC + more), **{f"web/{k}": v for k, v in manifests.items()}}
    fleet = {**tenant(spec=spec), **registration()}
    for name, version in (("old", "1.25"), ("new", "1.36"), ("any", "")):
        facts = {"kubernetes": f'"{version}"'} if version else {}
        fleet |= cluster(name, "tier: edge", **facts)
    return planned(folder, app, fleet)


def said(proposal: Proposal) -> list[str]:
    return [str(each) for each in proposal.problems]


def rocket(text: str) -> str:
    return f"apiVersion: space.example/v1\nkind: Rocket\nmetadata: {{name: r}}\nspec: {text}\n"


def test_a_typo_is_reported_with_its_line_and_a_suggestion(tmp_path: Path) -> None:
    text = deployment("web").replace("image:", "imagee:")

    refused = run(tmp_path, {"x.yaml": text})

    assert said(refused) == [
        (
            "web/x.yaml:15:11: web: Deployment/web: spec.template.spec.containers[0].imagee is not "
            "a field of the schema; did you mean image? "
            "[on any, new (Kubernetes 1.36), old (Kubernetes 1.25)]"
        )
    ]


def test_a_patch_may_be_valid_for_one_version_and_invalid_for_another(tmp_path: Path) -> None:
    refused = run(tmp_path, {"x.yaml": deployment("web")}, PATCH)

    assert said(refused) == [
        (
            "switchyard.yaml:12:7: web: Deployment/web: spec.template.spec.containers[0]."
            "resizePolicy is not a field of the schema [on old (Kubernetes 1.25)]"
        )
    ]


def test_a_removed_api_is_reported_with_the_cluster_and_its_replacement(tmp_path: Path) -> None:
    text = "apiVersion: flowcontrol.apiserver.k8s.io/v1beta2\nkind: FlowSchema\n"
    text += "metadata: {name: x}\nspec: {priorityLevelConfiguration: {name: low}}\n"
    allowed = "namespace: shop, kinds: {allowed: [FlowSchema.flowcontrol.apiserver.k8s.io]}"

    refused = run(tmp_path, {"x.yaml": text}, spec=allowed)

    assert said(refused) == [
        (
            "web/x.yaml:1:1: web: FlowSchema/x: flowcontrol.apiserver.k8s.io/v1beta2 FlowSchema "
            "does not exist in Kubernetes 1.36; flowcontrol.apiserver.k8s.io/v1 does "
            "[on new (Kubernetes 1.36)]"
        )
    ]


def test_custom_resources_without_a_definition_are_not_validated(tmp_path: Path) -> None:
    allowed = "namespace: shop, kinds: {allowed: [Rocket.space.example]}"

    assert said(run(tmp_path, {"x.yaml": rocket("{engine: nuclear}")}, spec=allowed)) == []


def test_unknown_custom_resources_are_refused(tmp_path: Path) -> None:
    (refused,) = said(run(tmp_path, {"x.yaml": rocket("{engine: nuclear}")}))

    assert refused == (
        "web/x.yaml:1:1: web: Rocket/r is of a kind that Switchyard does not know; the platform "
        "team can allow it in the fleet repo: add Rocket.space.example to kinds.allowed of tenant "
        "shop, or include its namespaced CustomResourceDefinition in the application"
    )


def test_a_definition_that_a_patch_makes_cluster_scoped_allows_nothing(tmp_path: Path) -> None:
    allowed = "namespace: shop, kinds: {allowed: [CustomResourceDefinition.apiextensions.k8s.io]}"
    patch = """
customizations:
  - name: everywhere
    components: [web]
    clusters: {names: [new]}
    target: {kind: CustomResourceDefinition, name: rockets.space.example}
    jsonPatch: [{op: replace, path: /spec/scope, value: Cluster}]
"""
    files = {"a.yaml": CRD, "x.yaml": rocket("{engine: solid}")}

    assert said(run(tmp_path / "1", files, spec=allowed)) == []
    (refused,) = said(run(tmp_path / "2", files, patch, spec=allowed))
    assert "Rocket/r is of a kind that Switchyard does not know" in refused


def test_a_custom_resource_is_validated_by_its_definition_in_the_tree(tmp_path: Path) -> None:
    allowed = "namespace: shop, kinds: {allowed: [CustomResourceDefinition.apiextensions.k8s.io]}"
    good = rocket("{engine: solid, thrust: 5k, notes: {free: {as: air}}, stages: [{fuel: 1.5}]}")
    assert said(run(tmp_path / "1", {"a.yaml": CRD, "x.yaml": good}, spec=allowed)) == []

    bad = rocket("{engine: nuclear, thrust: true, stages: [{fuell: 1}]}")
    refused = run(tmp_path / "2", {"a.yaml": CRD, "x.yaml": bad}, spec=allowed)

    messages = [each.partition("Rocket/r: ")[2] for each in said(refused)]
    assert [each.partition(" [on ")[0] for each in messages] == [
        "spec.engine must be one of liquid, solid",
        "spec.stages[0].fuell is not a field of the schema; did you mean fuel?",
        "spec.thrust must be of type integer or string, but is boolean",
    ]


def test_a_secret_is_never_quoted(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: [aHVudGVyMg==]\n"

    refused = run(tmp_path, {"x.yaml": text})

    assert "aHVudGVyMg" not in "\n".join(said(refused))
    assert any("data must be of type object, but is array" in each for each in said(refused))


def test_a_custom_resources_lists_merge_by_the_keys_of_its_definition(tmp_path: Path) -> None:
    allowed = "namespace: shop, kinds: {allowed: [CustomResourceDefinition.apiextensions.k8s.io]}"
    keyed = CRD.replace(
        "stages: {type: array, items: {type: object, properties: {fuel: {type: number}}}}",
        "stages: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [fuel], "
        "items: {type: object, properties: {fuel: {type: number}, crew: {type: number}}}}",
    )
    patch = """
customizations:
  - name: crew
    components: [web]
    target: {kind: Rocket, name: r}
    strategicMerge: {spec: {stages: [{fuel: 1, crew: 3}]}}
"""
    text = rocket("{engine: solid, stages: [{fuel: 2}, {fuel: 1}]}")
    path = "clusters/any/apps/shop/store/web/rocket-r.yaml"

    known = run(tmp_path / "1", {"a.yaml": keyed, "x.yaml": text}, patch, spec=allowed)
    assert (said(known), warnings_of(known)) == ([], ())
    assert b"  - fuel: 2\n  - crew: 3\n    fuel: 1\n" in known.trees["any"][path]

    named = "namespace: shop, kinds: {allowed: [Rocket.space.example]}"
    unknown = run(tmp_path / "2", {"x.yaml": text}, patch, spec=named)
    assert b"  stages:\n  - crew: 3\n    fuel: 1\n" in unknown.trees["any"][path]
    assert warnings_of(unknown) == (
        (
            "switchyard.yaml:12:7: customisation crew: the application does not define "
            "space.example/v1 Rocket, so a strategic merge replaces its lists instead of merging "
            "them"
        ),
    )


@pytest.mark.parametrize(
    ("api", "kind", "reason"),
    [
        (
            "extensions/v1beta1",
            "Ingress",
            "extensions/v1beta1 Ingress was removed from Kubernetes; use networking.k8s.io/v1",
        ),
        (
            "extensions/v1beta1",
            "Deployment",
            "extensions/v1beta1 Deployment was removed from Kubernetes; use apps/v1",
        ),
        ("apps/v1beta2", "Deployment", "does not exist in Kubernetes 1.25; apps/v1 does"),
        ("app/v1", "Deployment", "the API group app does not exist in Kubernetes; use apps/v1"),
        ("network.k8s.io/v1", "Ingress", "group network.k8s.io does not exist in Kubernetes; use"),
        ("things/v1", "Thing", "the API group things does not exist in Kubernetes"),
    ],
)
def test_groups_that_no_cluster_has_are_refused(
    tmp_path: Path, api: str, kind: str, reason: str
) -> None:
    text = f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{}}\n"

    problems = said(run(tmp_path, {"x.yaml": text}))

    assert any(each.startswith("web/x.yaml:1:1: ") and reason in each for each in problems)


def test_versions_that_a_definition_does_not_serve_are_refused(tmp_path: Path) -> None:
    allowed = "namespace: shop, kinds: {allowed: [CustomResourceDefinition.apiextensions.k8s.io]}"
    old = rocket("{engine: solid}").replace("example/v1", "example/v1beta1")
    reason = "space.example/v1beta1 Rocket is not served by its CustomResourceDefinition: "

    (refused,) = said(run(tmp_path / "1", {"a.yaml": CRD, "x.yaml": old}, spec=allowed))
    assert f"{reason}space.example/v1 is" in refused

    unserved = CRD.replace(
        "- name: v1\n",
        "- {name: v1beta1, served: false, storage: false, schema: "
        "{openAPIV3Schema: {type: object}}}\n    - name: v1\n",
    )
    (refused,) = said(run(tmp_path / "2", {"a.yaml": unserved, "x.yaml": old}, spec=allowed))
    assert f"{reason}space.example/v1 is" in refused


def test_fields_with_a_default_are_not_required(tmp_path: Path) -> None:
    allowed = "namespace: shop, kinds: {allowed: [CustomResourceDefinition.apiextensions.k8s.io]}"
    defaulted = CRD.replace("enum: [liquid, solid]}", "enum: [liquid, solid], default: solid}")

    assert said(run(tmp_path, {"a.yaml": defaulted, "x.yaml": rocket("{}")}, spec=allowed)) == []


@pytest.mark.parametrize("text", ["128MB", "1Gb", "100 m", "1 core", "1,5", "500M i"])
def test_texts_that_are_no_quantity_are_refused_with_their_line(tmp_path: Path, text: str) -> None:
    manifest = deployment("web").replace(
        "image:", f"resources: {{requests: {{memory: {text!r}}}}}\n          image:"
    )

    (refused,) = said(run(tmp_path, {"x.yaml": manifest}))

    assert refused.startswith("web/x.yaml:15:")
    assert "containers[0].resources.requests.memory is not a quantity" in refused


def test_invalid_quantities_of_the_fleet_are_refused_with_their_line(tmp_path: Path) -> None:
    app = {**application(SPEC), "web/x.yaml": deployment("web")}
    limits = 'namespace: shop, quota: {cpu: "1 core"}, limits: {default: {memory: 1Gb}}'
    fleet = {**tenant(spec=limits), **registration(), **cluster("a", "", capacity="{cpu: 100 m}")}

    with pytest.raises(InputError) as refused:
        planned(tmp_path, app, fleet)

    text = str(refused.value)
    assert "invalid quantity '100 m'" in text
    assert "invalid quantity '1 core'" in text
    assert "invalid quantity '1Gb'" in text
    assert "clusters/a.yaml:6:" in text


def test_defaults_of_the_tenant_count_against_capacity(tmp_path: Path) -> None:
    app = {**application(SPEC), "web/x.yaml": deployment("web")}
    fleet = {**registration(), **cluster("a", "", capacity='{cpu: "1"}')}
    limits = 'namespace: shop, limits: {defaultRequest: {cpu: "2"}}'

    refused = planned(tmp_path / "1", app, {**fleet, **tenant(spec=limits)})
    assert any("cpu" in each for each in said(refused))

    placed = planned(tmp_path / "2", app, {**fleet, **tenant()})
    assert said(placed) == []


def test_a_quorum_above_the_number_of_clusters_is_refused(tmp_path: Path) -> None:
    spec = """
    components:
      - {name: db, source: {manifests: db}}
      - {name: web, source: {manifests: web}, dependsOn: [{component: db, on: quorum, quorum: 3}]}
    placement:
      - {components: [db, web], allOf: [{}]}
    """
    app = {**application(spec), "db/x.yaml": deployment("db"), "web/x.yaml": deployment("web")}
    fleet = {**tenant(), **registration(), **cluster("a"), **cluster("b")}

    assert said(planned(tmp_path / "1", app, fleet)) == [
        (
            "switchyard.yaml:8:19: web depends on db on 3 clusters, but db is placed on 2: lower "
            "the quorum, or set `on: allClusters`"
        )
    ]
    assert said(planned(tmp_path / "2", app, {**fleet, **cluster("c")})) == []


def test_rules_of_a_definition_are_evaluated_or_named_in_a_warning(tmp_path: Path) -> None:
    allowed = "namespace: shop, kinds: {allowed: [CustomResourceDefinition.apiextensions.k8s.io]}"
    rules = (
        "{rule: \"self.engine != 'solid' || has(self.thrust)\", message: solid needs a thrust}, "
        "{rule: \"'x'.find('x') == 'x'\"}"
    )
    ruled = CRD.replace(
        "required: [engine]",
        f"required: [engine]\n              x-kubernetes-validations: [{rules}]",
    )

    refused = run(tmp_path, {"a.yaml": ruled, "x.yaml": rocket("{engine: solid}")}, spec=allowed)

    assert said(refused) == [
        (
            "web/x.yaml:4:1: web: Rocket/r: spec breaks a rule of its definition: solid needs a "
            "thrust [on any, new (Kubernetes 1.36), old (Kubernetes 1.25)]"
        )
    ]
    assert warnings_of(refused) == (
        (
            "web/x.yaml:4:1: web: Rocket/r: spec is not checked by the rule "
            "`'x'.find('x') == 'x'` of its definition: it uses a function that is not "
            "available here [on any, new (Kubernetes 1.36), old (Kubernetes 1.25)]"
        ),
    )
