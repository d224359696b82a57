"""Values of clusters in customisations: types, nesting, defaults, keys and escapes."""

from pathlib import Path

import pytest

from planners.model import Cluster, Json
from renderers.substitution import (
    Place,
    ValueReferenceError,
    references,
    substitute,
    substitute_text,
)
from tests.fakes.folders import (
    application,
    cluster,
    deployment,
    planned,
    registration,
    tenant,
)
from tests.scenarios.test_customisation import files_of

SITE = Place(
    Cluster(
        "edge-1",
        "flux",
        labels={"size": "3", "on": "true", "region": "north"},
        values={
            "n": 4,
            "yes": True,
            "limits": {"cpu": "500m", "deep": {"x": 1.5}},
            "list": ["a"],
            "text": "5",
        },
    )
)
FLEET = {
    **cluster("edge-1", "size: '3'", values="{limits: {cpu: 500m}, key: tier}"),
    **tenant(),
    **registration(),
}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${cluster.values.n}", 4),
        ("${cluster.values.m:-5}", 5),
        ("${cluster.values.m:-1.5}", 1.5),
        ("${cluster.values.m:-true}", True),
        ("${cluster.values.m:-five}", "five"),
        ('${cluster.values.m:-"5"}', "5"),
        ("${cluster.values.m:string:-5}", "5"),
        ("${cluster.values.m:-}", ""),
        ("${cluster.values.m:-NaN}", "NaN"),
        ("${cluster.values.text}", "5"),
        ("${cluster.values.text:int}", 5),
        ("${cluster.values.n:string}", "4"),
        ("${cluster.labels.size}", "3"),
        ("${cluster.labels.size:int}", 3),
        ("${cluster.labels.size:number}", 3),
        ("${cluster.labels.none:int:-7}", 7),
        ("${cluster.labels.none:-7}", "7"),
        ("${cluster.labels.on:bool}", True),
        ("${cluster.values.limits.cpu}", "500m"),
        ("${cluster.values.limits.deep.x}", 1.5),
        ("${cluster.values.limits}", {"cpu": "500m", "deep": {"x": 1.5}}),
        ("${cluster.values.list}", ["a"]),
        ("${cluster.values.m:-${cluster.labels.region}}", "north"),
        ("${cluster.values.m:-${cluster.values.n}}", 4),
        ("${cluster.values.m:-${cluster.values.o:-6}}", 6),
        ("${cluster.values.m:-a ${cluster.name} b}", "a edge-1 b"),
        ("n=${cluster.values.n}, ${cluster.values.m:-5}, ${cluster.values.yes}", "n=4, 5, true"),
        ("$${cluster.name} ${cluster.name}", "${cluster.name} edge-1"),
        (
            "$${cluster} $${cluster:0:3} ${clusters} ${HOME:-x}",
            "${cluster} ${cluster:0:3} ${clusters} ${HOME:-x}",
        ),
        ({"${cluster.labels.region}/x": "${cluster.values.n}"}, {"north/x": 4}),
    ],
)
def test_a_reference_has_a_value_and_a_type(written: Json, value: Json) -> None:
    found = substitute(written, SITE)

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "${cluster}",
            "${cluster} is unknown; use ${cluster.name}, ${cluster.labels.<key>} or ${cluster.values.<name>}, or $${...} for this text itself",
        ),
        ("echo ${cluster%%.*}", "or $${...} for this text itself"),
        ("echo ${cluster:0:3}", "or $${...} for this text itself"),
        ("echo ${cluster:-x", "or $${...} for this text itself"),
        ("${cluster.values.limits.gpu}", "has no value 'limits.gpu'"),
        ("${cluster.values.limits.cpu:int}", "is not of type int"),
        ("${cluster.values.limits:int}", "is not a single value"),
        ("x ${cluster.values.limits}", "is not a single value"),
        ("${cluster.values.a:-" * 50 + "}" * 50, "or $${...} for this text itself"),
        ({"${cluster.labels.region}": 1, "north": 2}, "equals another key on cluster edge-1"),
    ],
)
def test_a_reference_without_a_value_is_an_error(written: Json, message: str) -> None:
    references(written)
    with pytest.raises(ValueReferenceError) as refused:
        substitute(written, SITE)

    assert message in str(refused.value)


def test_references_are_found_in_keys_and_defaults() -> None:
    written: Json = {
        "${cluster.name}": ["${cluster.values.a:-${cluster.labels.b}}", "$${cluster.values.c}"]
    }

    assert references(written) == {"cluster.name", "cluster.values.a", "cluster.labels.b"}


def test_a_text_without_end_is_read_in_linear_time() -> None:
    text = "${cluster.values.a:-" * 50_000

    with pytest.raises(ValueReferenceError):
        substitute_text(text, SITE)
    assert len(references(text)) == 1


def test_values_in_a_plan(tmp_path: Path) -> None:
    spec = """
components: [{name: web, source: {manifests: web}}]
placement: [{components: [web], allOf: [{}]}]
customizations:
  - name: size
    components: [web]
    target: {kind: Deployment, name: web}
    strategicMerge:
      metadata: {labels: {"${cluster.values.key}": "x"}}
      spec:
        replicas: "${cluster.values.n:-5}"
        minReadySeconds: "${cluster.labels.size:int}"
        template: {spec: {containers: [{name: web, resources: {limits: {cpu: "${cluster.values.limits.cpu}"}}}]}}
"""
    made = files_of(
        planned(tmp_path, {**application(spec), "web/web.yaml": deployment("web")}, FLEET), "edge-1"
    )["deployment-web.yaml"]

    assert (made["spec"]["replicas"], made["spec"]["minReadySeconds"]) == (5, 3)
    assert made["metadata"]["labels"] == {"tier": "x"}
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"] == {"limits": {"cpu": "500m"}}
