"""Whose field `spec.replicas` is where an autoscaler scales a workload."""

from typing import Any

import pytest

from planners.model import ObjectIdentity
from renderers.autoscaled import AutoscaledObjects

WEB = ObjectIdentity("apps", "Deployment", "shop", "web")
QUEUE = {"spec": {"properties": {"replicas": {"type": "integer"}}}}


def workload(replicas: int | None, kind: str = "Deployment", **metadata: str) -> dict[str, Any]:
    version = {"Queue": "mq.example.com/v1", "ReplicationController": "v1"}.get(kind, "apps/v1")
    spec = {"paused": False} if replicas is None else {"paused": False, "replicas": replicas}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "web", **metadata},
        "spec": spec,
    }


def hpa(version: str = "v2", namespace: str | None = None, **target: str) -> dict[str, Any]:
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", **target}
    metadata = {"name": "web", **({"namespace": namespace} if namespace else {})}
    return {
        "apiVersion": f"autoscaling/{version}",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata,
        "spec": {"scaleTargetRef": scaled},
    }


def keda(**target: str) -> dict[str, Any]:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"name": "web", **target}},
    }


def written(
    item: dict[str, Any],
    scaler: dict[str, Any],
    merged: int | None = None,
    *,
    explicit: bool = False,
    schema: dict[str, Any] | None = None,
) -> tuple[Any, str]:
    """The replicas that are written, and what is said about them."""
    found = {} if merged is None else {WEB: merged}
    autoscaled = AutoscaledObjects(
        "front", "shop", found, lambda _: explicit, lambda _: {"properties": schema or {}}
    )
    before = repr(item)
    objects, told = autoscaled.written([scaler, item])
    assert repr(item) == before
    assert objects[0] is scaler
    assert objects[1]["spec"]["paused"] is False
    return objects[1]["spec"].get("replicas"), " ".join(told)


@pytest.mark.parametrize(
    ("item", "scaler"),
    [
        (workload(3), hpa()),
        (workload(3), hpa("v1")),
        (workload(3), keda()),
        (workload(3), hpa(namespace="shop")),
        (workload(3, namespace="shop"), hpa()),
        (workload(3, "StatefulSet"), hpa(kind="StatefulSet")),
        (workload(3, "StatefulSet"), keda(apiVersion="apps/v1", kind="StatefulSet")),
        (workload(3, "ReplicationController"), hpa(apiVersion="v1", kind="ReplicationController")),
        (workload(0), keda()),
    ],
)
def test_what_an_autoscaler_sets_is_not_written(item: dict[str, Any], scaler: Any) -> None:
    replicas, told = written(item, scaler)

    assert replicas is None
    assert told.startswith(f"front: {item['kind']}/web is written without replicas: ")
    assert told.endswith(f"{scaler['kind']}/web sets them")


@pytest.mark.parametrize(
    ("item", "scaler"),
    [
        (workload(3), hpa(name="other")),
        (workload(3), hpa(kind="StatefulSet")),
        (workload(3), hpa(apiVersion="apps.example.com/v1")),
        (workload(3), keda(kind="StatefulSet")),
        (workload(3), hpa(namespace="shop-jobs")),
        (workload(3), {**hpa(), "apiVersion": "autoscaling.example.com/v1"}),
        (workload(3), {**hpa(), "spec": {}}),
        (workload(3), {**hpa(), "spec": {"scaleTargetRef": ["web"]}}),
    ],
)
def test_what_no_autoscaler_sets_stays_as_it_is(item: dict[str, Any], scaler: Any) -> None:
    assert written(item, scaler) == (3, "")


def test_zero_stops_an_autoscaler_of_kubernetes() -> None:
    assert written(workload(0), hpa()) == (
        0,
        "front: Deployment/web has 0 replicas, which stops HorizontalPodAutoscaler/web",
    )


def test_a_merged_field_stays_until_the_source_gives_it_up() -> None:
    replicas, told = written(workload(4), hpa(), merged=3)
    assert replicas == 4
    assert "keeps `replicas: 4`" in told
    assert "remove it from the source" in told

    replicas, told = written(workload(None), hpa(), merged=3)
    assert replicas is None
    assert "gives up `replicas: 3`" in told

    assert written(workload(None), hpa()) == (None, "")


def test_replicas_that_somebody_decided_on_stay() -> None:
    replicas, told = written(workload(4), hpa(), explicit=True)

    assert replicas == 4
    assert "the placement, an exception or a rule states it" in told


@pytest.mark.parametrize(
    ("schema", "replicas"),
    [
        (None, 3),
        ({"spec": {"properties": {"size": {"type": "integer"}}}}, 3),
        ({"spec": {**QUEUE["spec"], "required": ["replicas"]}}, 3),
        (QUEUE, None),
        ({"spec": {"properties": {"replicas": {"default": 1}}, "required": ["replicas"]}}, None),
    ],
)
def test_a_custom_kind_is_written_without_them_where_its_schema_allows_that(
    schema: dict[str, Any] | None, replicas: int | None
) -> None:
    scaler = hpa(apiVersion="mq.example.com/v1", kind="Queue")
    found, told = written(workload(3, "Queue"), scaler, schema=schema)

    assert found == replicas
    assert ("without replicas" in told) is (replicas is None)
