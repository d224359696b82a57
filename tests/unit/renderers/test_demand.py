"""What the objects of a unit request, as Kubernetes runs them."""

from typing import Any

import pytest

from planners.model import Target
from planners.model.requests import total_requests
from renderers.kubernetes.demand import joined, object_demand

NANO = 10**9
GIB = 2**30 * NANO
POD = {"containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}]}
EPHEMERAL = {
    "name": "scratch",
    "ephemeral": {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "5Gi"}}}}},
}


def object_of(kind: str, spec: dict[str, Any], name: str = "web") -> dict[str, Any]:
    groups = {"HorizontalPodAutoscaler": "autoscaling/v2", "PersistentVolumeClaim": "v1"}
    version = groups.get(kind, "apps/v1")
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def workload(kind: str, pod: dict[str, Any] = POD, **spec: Any) -> dict[str, Any]:
    return object_of(kind, {**spec, "template": {"spec": pod}})


def autoscaler(kind: str = "Deployment", **spec: Any) -> dict[str, Any]:
    scaled = {"apiVersion": "apps/v1", "kind": kind, "name": "web"}
    return object_of("HorizontalPodAutoscaler", {"scaleTargetRef": scaled, **spec})


def claim(size: str) -> dict[str, Any]:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}


def total(
    *objects: dict[str, Any], replicas: dict[Target, int] | None = None, nodes: int = 1
) -> dict[str, int]:
    found = joined(each for each in map(object_demand, objects) if each is not None)
    return total_requests(found, replicas or {}, nodes)


@pytest.mark.parametrize(
    ("objects", "pods"),
    [
        ([workload("Deployment", replicas=2), autoscaler(minReplicas=5, maxReplicas=9)], 5),
        ([autoscaler(minReplicas=5, maxReplicas=9), workload("Deployment", replicas=2)], 5),
        ([workload("Deployment", replicas=7), autoscaler(minReplicas=5, maxReplicas=9)], 7),
        ([workload("Deployment", replicas=2), autoscaler(maxReplicas=9)], 2),
        ([workload("Deployment", replicas=0), autoscaler(minReplicas=5, maxReplicas=9)], 0),
        ([workload("Deployment", replicas=2), autoscaler("StatefulSet", minReplicas=5)], 2),
        ([autoscaler(minReplicas=5, maxReplicas=9)], 0),
    ],
)
def test_an_autoscaler_runs_at_least_its_minimum(objects: list[dict[str, Any]], pods: int) -> None:
    assert total(*objects).get("pods", 0) == pods * NANO
    assert total(*objects).get("cpu", 0) == pods * NANO


def test_the_minimum_holds_for_divided_replicas_too() -> None:
    objects = (workload("Deployment", replicas=9), autoscaler(minReplicas=3, maxReplicas=9))
    web = Target("Deployment", "web")

    assert [total(*objects, replicas={web: n})["pods"] // NANO for n in (0, 1, 4)] == [0, 3, 4]


def test_a_daemon_set_runs_on_every_node() -> None:
    assert total(workload("DaemonSet"))["cpu"] == NANO
    assert total(workload("DaemonSet"), nodes=12) == {"cpu": 12 * NANO, "pods": 12 * NANO}
    assert total(workload("Deployment", replicas=2), nodes=12)["pods"] == 2 * NANO


def test_volume_claims_request_storage_and_templates_one_for_each_pod() -> None:
    templates = [{"metadata": {"name": "data"}, "spec": claim("10Gi")}]
    database = workload("StatefulSet", replicas=3, volumeClaimTemplates=templates)
    scratch = workload("Deployment", {**POD, "volumes": [EPHEMERAL]}, replicas=2)

    assert total(object_of("PersistentVolumeClaim", claim("8Gi"))) == {"storage": 8 * GIB}
    assert total(database) == {"cpu": 3 * NANO, "pods": 3 * NANO, "storage": 30 * GIB}
    assert total(scratch)["storage"] == 10 * GIB
