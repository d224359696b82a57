"""The JSON Schemas refuse what the models refuse, and nothing else; except what they cannot say."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from bot.documents.schemas import DOCUMENTS, schema
from renderers.yaml import load_documents
from tests.fakes.world import small_app, small_fleet

ROOT = Path(__file__).parents[3]
FOLDERS = {
    "clusters": "cluster", "tenants": "tenant", "applications": "registration",
    "policies": "policy",
}  # fmt: skip
VALIDATORS = {name: Draft202012Validator(schema(name)) for name in DOCUMENTS}

WRONG = {
    "application": [
        "tenant: Shop",
        "tenant: [shop]",
        "tennant: shop",
        "components: {}",
        "components: [{name: a}]",
        "components: [{name: a_b, source: {manifests: deploy}}]",
        "components: [{name: a, source: {manifests: a, kustomize: b}}]",
        "components: [{name: a, source: {}}]",
        "components: [{name: a, source: {manifests: /deploy}}]",
        "components: [{name: a, source: {manifests: ../deploy}}]",
        "components: [{name: a, source: {helm: {chart: 'oci://h.io/c', version: 1.0.0}}}]",
        "components: [{name: a, source: {helm: {chart: c, digest: sha256:12, version: 1.0.0}}}]",
        "components: [{name: a, source: {manifests: a}, dependsOn: [{component: b, when: ready}]}]",
        "components: [{name: a, source: {manifests: a}, dependsOn: [{component: b, on: quorum}]}]",
        "components: [{name: a, source: {manifests: a}, dependsOn: [{component: b, quorum: 2}]}]",
        "components: [{name: a, source: {manifests: a}, dependsOn: [{component: b, soak: 30}]}]",
        "components: [{name: a, source: {manifests: a}, dependsOn: [{component: b, soak: 1d}]}]",
        "components: [{name: a, source: {manifests: a}, dependsOn: [{component: b, soak: ''}]}]",
        "placement: [{components: [a]}]",
        "placement: [{components: [a], allOf: []}]",
        "placement: [{components: [a], anyOf: {select: {}}}]",
        "placement: [{components: [a], anyOf: {select: {}, count: 0}}]",
        "placement: [{components: [a], anyOf: {select: {}, count: 2, min: 1}}]",
        "placement: [{components: [a], allOf: [{}], maxDistance: 100}]",
        "placement: [{components: [a], allOf: [{matchLabels: {tier: [edge]}}]}]",
        "placement: [{components: [a], allOf: [{matchLabels: {'a b': c}}]}]",
        "placement: [{components: [a], allOf: [{matchLabels: {tier: 'e d'}}]}]",
        "placement: [{components: [a], allOf: [{matchExpressions: [{key: a, operator: In}]}]}]",
        "placement: [{components: [a], allOf: [{matchExpressions: [{key: a, operator: is}]}]}]",
        "placement: [{components: [a], allOf: [{}], prefer: {speed: 1}}]",
        "placement: [{components: [a], allOf: [{}], tolerations: [{operator: Equal}]}]",
        "placement: [{components: [a], allOf: [{}], spread: [{topologyKey: r, maxSkew: 0}]}]",
        "customizations: [{name: c, components: [a]}]",
        "customizations: [{name: c, components: [a], strategicMerge: {spec: {}}}]",
        "customizations: [{name: c, components: [a], target: {kind: Deployment, name: a}}]",
        "customizations: [{name: c, components: [a], target: {kind: D, name: a}, jsonPatch: {}}]",
        "rollout: {stages: [{name: Canary}]}",
        "rollout: {stages: [{name: remove}]}",
        "rollout: {stages: [{name: rollback-a}]}",
        "rollout: {stages: [{name: a, maxAtOnce: 0}]}",
        "rollout: {stages: [{name: a, maxAtOnce: 25}, {name: b, maxAtOnce: half}]}",
        "rollout: {stages: [{name: a, maxFailures: '5'}]}",
        "rollout: {onFailure: undo}",
        "connectivity: [{from: {component: a, cidr: 10.0.0.0/8}, to: {component: b}}]",
        "connectivity: [{from: {component: a}, to: {host: example.com}}]",
        "connectivity: [{from: {component: a}, to: {component: b, port: 70000}}]",
        "rules: [{name: r, components: [a], signal: {}, onDemand: true}]",
        "gates: [{name: g}]",
    ],
    "cluster": [
        "{}",
        "{agent: flux, capacity: {cpu: lots}}",
        "{agent: flux, capacity: {cpu: -1}}",
        "{agent: flux, location: {latitude: 91, longitude: 0}}",
        "{agent: flux, kubernetesVersion: latest}",
        "{agent: flux, taints: [{key: a, effect: Never}]}",
        "{agent: flux, maintenance: {drained: 'yes'}}",
        "{agent: flux, nodes: many}",
    ],
    "tenant": [
        "{}",
        "{namespace: Shop}",
        "{namespace: shop, quota: {cpu: 1 core}}",
        "{namespace: shop, members: [{kind: Person, name: a, role: view}]}",
    ],
    "registration": [
        "{application: a, tenant: t, app: group/app, deploy: 'local:g/d'}",
        "{application: a, tenant: t, app: 'local:app', deploy: 'local:g/d'}",
        "{application: a, app: 'local:g/a', deploy: 'local:g/d'}",
    ],
    "policy": [
        "{approvals: [{count: 0}]}",
        "{freezes: [{name: f, from: today, until: 2026-12-27T00:00:00Z, reason: r}]}",
        "{reports: [{clusters: {}, maxAge: soon}]}",
    ],
}  # fmt: skip
EARLIER, LATER = "2026-12-20T00:00:00Z", "2026-12-27T00:00:00Z"
LEFT_TO_CHECK = {
    "cluster": ["{agent: flux, timezone: Europe/Nowhere}"],
    "policy": [f"{{freezes: [{{name: f, reason: r, from: {LATER}, until: {EARLIER}}}]}}"],
}


def rows(table: dict[str, list[str]]) -> list[Any]:
    return [pytest.param(name, text, id=text) for name, texts in table.items() for text in texts]


def document(name: str, text: str) -> Any:
    """A document of which the spec is that text; an application has its other keys too."""
    spec: Any = load_documents(text.encode())[0].value
    if name == "application":
        base: Any = load_documents(small_app()["switchyard.yaml"] or b"")[0].value
        spec = {**base["spec"], **spec}
    kind = DOCUMENTS[name].model_json_schema()["properties"]["kind"]["const"]
    return {
        "apiVersion": "switchyard.dev/v1alpha1", "kind": kind,
        "metadata": {"name": "example"}, "spec": spec,
    }  # fmt: skip


def is_refused_by_model(name: str, value: Any) -> bool:
    try:
        DOCUMENTS[name].model_validate(value)
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize(("name", "text"), rows(WRONG))
def test_a_mistake_is_refused_by_both(name: str, text: str) -> None:
    value = document(name, text)

    assert is_refused_by_model(name, value)
    assert not VALIDATORS[name].is_valid(value)


@pytest.mark.parametrize(("name", "text"), rows(LEFT_TO_CHECK))
def test_what_only_arithmetic_decides_is_left_to_the_model(name: str, text: str) -> None:
    value = document(name, text)

    assert is_refused_by_model(name, value)
    assert VALIDATORS[name].is_valid(value)


def documents() -> Iterator[tuple[str, str, Any]]:
    """The documents of the samples, of the chart's guide and of the tests' small world."""
    files = {path: content for path, content in {**small_app(), **small_fleet()}.items() if content}
    sample = ROOT / "bot/sandbox/demo/sample"
    files |= {str(each.relative_to(sample)): each.read_bytes() for each in sample.rglob("*.yaml")}
    for path, content in files.items():
        folder = Path(path).parent.name
        name = "application" if Path(path).name == "switchyard.yaml" else FOLDERS.get(folder)
        if name:
            yield from ((path, name, each.value) for each in load_documents(content))


@pytest.mark.parametrize(("path", "name", "value"), list(documents()))
def test_a_valid_document_is_valid(path: str, name: str, value: Any) -> None:
    del path
    DOCUMENTS[name].model_validate(value)

    assert [error.message for error in VALIDATORS[name].iter_errors(value)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_is_one_and_is_the_one_in_the_documentation(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))

    assert schema(name)["$id"] == f"https://switchyard.dev/v1alpha1/{name}.json"
    assert json.loads((ROOT / f"docs/schemas/{name}.json").read_text()) == schema(name)
