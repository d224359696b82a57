"""Usage as Kubernetes counts it, and quotas that it exceeds."""

from typing import Any

import pytest

from planners.model import ContainerLimits, Tenant
from planners.model.quantities import NANO, parse
from renderers.policy.quotas import (
    assumptions,
    missing_amounts,
    quota_problems,
    total,
    usage_of,
)


def container(name: str = "main", **resources: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "image": "app:1", "resources": resources}


def asking(cpu: str, name: str = "main") -> dict[str, Any]:
    return container(name, requests={"cpu": cpu})


def workload(kind: str = "Deployment", *, api: str = "apps/v1", **fields: Any) -> dict[str, Any]:
    """A workload of one pod template; `pod` among the fields is the pod's spec."""
    pod = fields.pop("pod", {"containers": [asking("100m")]})
    spec = {**fields, "template": {"spec": pod}}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "x"}, "spec": spec}


def core(kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, **fields}


def cpu(pod: dict[str, Any]) -> int:
    """The requested CPU of one pod, in thousandths."""
    return usage_of(core("Pod", spec=pod))["requests.cpu"] * 1000 // NANO


def test_a_deployment_uses_its_pods_times_its_replicas() -> None:
    pod = {
        "containers": [
            container(
                requests={"cpu": "250m", "memory": "64Mi", "nvidia.com/gpu": "1"},
                limits={"cpu": "1", "memory": "128Mi", "nvidia.com/gpu": "1"},
            )
        ]
    }

    assert usage_of(workload(replicas=3, pod=pod)) == {
        "count/deployments.apps": NANO,
        "count/pods": 3 * NANO,
        "cpu": parse("750m"),
        "limits.cpu": parse("3"),
        "limits.memory": parse("384Mi"),
        "memory": parse("192Mi"),
        "pods": 3 * NANO,
        "requests.cpu": parse("750m"),
        "requests.memory": parse("192Mi"),
        "requests.nvidia.com/gpu": 3 * NANO,
    }


def test_the_number_of_pods_can_be_given() -> None:
    assert usage_of(workload(replicas=3), count=5)["requests.cpu"] == parse("500m")


@pytest.mark.parametrize(
    ("item", "pods"),
    [
        (workload(), 1),
        (workload(replicas=0), 0),
        (workload("StatefulSet", replicas=2), 2),
        (workload("DaemonSet"), 1),
        (workload("Job", api="batch/v1", parallelism=4), 4),
        (workload("CronJob", api="batch/v1", parallelism=2), 2),
        (core("Pod", spec={"containers": [asking("100m")]}), 1),
        (core("ConfigMap"), 0),
    ],
)
def test_every_kind_keeps_its_number_of_pods(item: dict[str, Any], pods: int) -> None:
    usage = usage_of(item)

    assert usage.get("pods", 0) == pods * NANO
    assert usage.get("requests.cpu", 0) == pods * parse("100m")


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ({"containers": [asking("100m"), asking("200m")]}, 300),
        ({"initContainers": [asking("250m")], "containers": [asking("100m")]}, 250),
        ({"initContainers": [asking("50m")], "containers": [asking("100m")]}, 100),
        (
            {
                "initContainers": [{**asking("50m"), "restartPolicy": "Always"}, asking("300m")],
                "containers": [asking("100m")],
            },
            350,
        ),
        ({"containers": [asking("100m")], "overhead": {"cpu": "25m"}}, 125),
        ({"containers": [container(limits={"cpu": "2"})]}, 2000),
        ({"containers": [asking("100m")], "resources": {"requests": {"cpu": "1"}}}, 1000),
        ({"containers": [container()], "resources": {"limits": {"cpu": "1"}}}, 1000),
        ({"containers": [asking("100m")], "resources": {"limits": {"cpu": "1"}}}, 100),
    ],
)
def test_a_pod_requests_what_the_scheduler_counts(pod: dict[str, Any], expected: int) -> None:
    assert cpu(pod) == expected


def test_overhead_adds_to_limits_that_are_stated() -> None:
    overhead = {"cpu": "25m", "memory": "1Mi"}
    pod = {"containers": [container(limits={"cpu": "1"})], "overhead": overhead}
    usage = usage_of(core("Pod", spec=pod))

    assert usage["limits.cpu"] == parse("1025m")
    assert "limits.memory" not in usage
    assert usage["requests.memory"] == parse("1Mi")


@pytest.mark.parametrize(
    ("limits", "requested", "limited"),
    [
        (ContainerLimits({"cpu": "500m"}), "500m", "500m"),
        (ContainerLimits({"cpu": "500m"}, {"cpu": "100m"}), "100m", "500m"),
        (ContainerLimits(max={"cpu": "2"}), "2", "2"),
        (ContainerLimits({"cpu": "500m"}, max={"cpu": "2"}), "500m", "500m"),
    ],
)
def test_a_container_without_amounts_gets_the_tenants_defaults(
    limits: ContainerLimits, requested: str, limited: str
) -> None:
    usage = usage_of(core("Pod", spec={"containers": [container()]}), limits)

    assert usage["requests.cpu"] == parse(requested)
    assert usage["limits.cpu"] == parse(limited)


def test_a_stated_limit_takes_precedence_over_default_requests() -> None:
    pod = {"containers": [container(limits={"cpu": "1"})]}
    usage = usage_of(core("Pod", spec=pod), ContainerLimits({"cpu": "500m"}, {"cpu": "100m"}))

    assert usage["requests.cpu"] == parse("1")
    assert usage["limits.cpu"] == parse("1")


def test_claims_count_once_for_each_pod() -> None:
    claim = {"storageClassName": "fast", "resources": {"requests": {"storage": "10Gi"}}}
    item = workload("StatefulSet", replicas=3, volumeClaimTemplates=[{"spec": claim}])
    usage = usage_of(item)

    assert usage["requests.storage"] == parse("30Gi")
    assert usage["persistentvolumeclaims"] == 3 * NANO
    assert usage["fast.storageclass.storage.k8s.io/requests.storage"] == parse("30Gi")
    assert usage_of(core("PersistentVolumeClaim", spec=claim)) == {
        "count/persistentvolumeclaims": NANO,
        "fast.storageclass.storage.k8s.io/persistentvolumeclaims": NANO,
        "fast.storageclass.storage.k8s.io/requests.storage": parse("10Gi"),
        "persistentvolumeclaims": NANO,
        "requests.storage": parse("10Gi"),
    }


def test_ephemeral_claims_count_too() -> None:
    claim = {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    pod = {"containers": [], "volumes": [{"ephemeral": {"volumeClaimTemplate": claim}}]}

    assert usage_of(workload(replicas=2, pod=pod))["requests.storage"] == parse("2Gi")


@pytest.mark.parametrize(
    ("spec", "balancers", "ports"),
    [
        ({"ports": [{"port": 1}]}, 0, 0),
        ({"type": "NodePort", "ports": [{"port": 1}, {"port": 2}]}, 0, 2),
        ({"type": "LoadBalancer", "ports": [{"port": 1}]}, 1, 1),
        (
            {
                "type": "LoadBalancer",
                "allocateLoadBalancerNodePorts": False,
                "ports": [{"port": 1}, {"port": 2, "nodePort": 30000}],
            },
            1,
            1,
        ),
    ],
)
def test_services_count_their_ports(spec: dict[str, Any], balancers: int, ports: int) -> None:
    usage = usage_of(core("Service", spec=spec))

    assert usage["services"] == usage["count/services"] == NANO
    assert usage.get("services.loadbalancers", 0) == balancers * NANO
    assert usage.get("services.nodeports", 0) == ports * NANO


def test_other_objects_count_as_one_of_their_kind() -> None:
    assert usage_of(core("Secret")) == {"count/secrets": NANO, "secrets": NANO}
    assert usage_of({"apiVersion": "example.com/v1", "kind": "Widget"}) == {
        "count/widgets.example.com": NANO
    }


def test_an_invalid_quantity_is_an_error() -> None:
    with pytest.raises(ValueError, match="invalid quantity 'a lot'"):
        usage_of(workload(pod={"containers": [asking("a lot")]}))


def test_exceeded_quotas_are_reported_by_place() -> None:
    tenant = Tenant("retail", "shop", quota={"requests.memory": "1Gi", "pods": "3", "cpu": "1"})
    small = usage_of(workload(replicas=3))
    big = total((small, usage_of(workload(replicas=9))))
    memory = {"requests.memory": parse("1536Mi")}

    assert quota_problems(tenant, {"c2": big, "c1": small, "c3": memory}) == (
        "tenant retail would use 1200m of cpu on c2, 200m more than its quota of 1: request less, or raise the tenant's quota",
        "tenant retail would use 12 of pods on c2, 9 more than its quota of 3: request less, or raise the tenant's quota",
        "tenant retail would use 1.5Gi of requests.memory on c3, 512Mi more than its quota of 1Gi: request less, or raise the tenant's quota",
    )


def test_usage_without_a_quota_is_unlimited() -> None:
    assert quota_problems(Tenant("retail", "shop"), {"c1": usage_of(workload())}) == ()


def test_assumptions_are_reported() -> None:
    assert [*assumptions(workload("DaemonSet")), *assumptions(workload("CronJob"))] == [
        "DaemonSet/x runs on every eligible node but counts once against the quota",
        "CronJob/x counts as one running job against the quota",
    ]
    assert list(assumptions(workload())) == []


def test_a_container_without_amounts_is_reported_if_the_quota_counts_them() -> None:
    tenant = Tenant("retail", "shop", quota={"cpu": "1", "limits.memory": "1Gi", "pods": "3"})
    relaxed = Tenant(
        "retail", "shop", quota=tenant.quota, limits=ContainerLimits({"cpu": "1", "memory": "1Gi"})
    )
    silent = workload(pod={"containers": [container()]})

    assert list(missing_amounts(silent, tenant)) == [
        "Deployment/x sets no limits.memory for container main; the quota of tenant retail counts it, so Kubernetes would reject the pod: set it, or set the tenant's limits",
        "Deployment/x sets no requests.cpu for container main; the quota of tenant retail counts it, so Kubernetes would reject the pod: set it, or set the tenant's limits",
    ]
    assert list(missing_amounts(silent, relaxed)) == []
    assert list(missing_amounts(core("ConfigMap"), tenant)) == []
