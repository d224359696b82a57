"""What a tenant's clusters get, as Kubernetes' own schemas have it."""

import itertools
from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest
from inline_snapshot import snapshot

from planners.model import ContainerLimits, Member, Tenant
from renderers import yaml
from renderers.agents import Account
from renderers.kubernetes.kinds import KINDS, Scope
from renderers.policy.tenancy import violations
from renderers.tenant_setup import access_objects, tenant_objects

FULL = Tenant(
    "retail",
    "shop",
    namespaces=("shop-jobs", "shop-data"),
    quota={"requests.cpu": "20", "pods": "50", "count/deployments.apps": "9"},
    limits=ContainerLimits({"cpu": "500m"}, {"cpu": "100m"}, {"memory": "2Gi", "cpu": "2"}),
    members=(Member("User", "rita", "edit"), Member("Group", "devs", "view")),
    allowed_kinds=("StorageClass", "EndpointSlice", "Namespace", "Service.externalIPs"),
    forbidden_kinds=("Ingress",),
    allow_from_namespaces=("ingress",),
    pod_security="restricted",
)
ACCOUNT = Account("flux-system", "switchyard-retail")


def every(tenant: Tenant) -> tuple[dict[str, Any], ...]:
    """With what an agent with one account adds."""
    return (*tenant_objects(tenant), *access_objects(tenant, (ACCOUNT,)))


def named(found: tuple[dict[str, Any], ...]) -> list[str]:
    return [
        "/".join([each["metadata"].get("namespace", "-"), each["kind"], each["metadata"]["name"]])
        for each in found
    ]


def one(tenant: Tenant, name: str) -> dict[str, Any]:
    found = every(tenant)
    return found[named(found).index(name)]


def test_a_minimal_tenant_gets_a_namespace_an_account_and_network_policies() -> None:
    assert named(every(Tenant("retail", "shop"))) == [
        "-/Namespace/shop",
        "shop/Role/switchyard",
        "shop/NetworkPolicy/switchyard-deny",
        "shop/NetworkPolicy/switchyard-allow",
        "flux-system/ServiceAccount/switchyard-retail",
        "shop/RoleBinding/switchyard",
    ]


def test_every_namespace_gets_everything_namespaces_first() -> None:
    each = [
        "ResourceQuota/switchyard",
        "LimitRange/switchyard",
        "Role/switchyard",
        "RoleBinding/switchyard-edit",
        "RoleBinding/switchyard-view",
        "NetworkPolicy/switchyard-deny",
        "NetworkPolicy/switchyard-allow",
    ]

    assert named(every(FULL)) == [
        "-/Namespace/shop",
        "-/Namespace/shop-data",
        "-/Namespace/shop-jobs",
        *(f"shop/{name}" for name in each),
        *(f"shop-data/{name}" for name in each),
        *(f"shop-jobs/{name}" for name in each),
        "-/ClusterRole/switchyard-retail",
        "flux-system/ServiceAccount/switchyard-retail",
        *(f"{name}/RoleBinding/switchyard" for name in ("shop", "shop-jobs", "shop-data")),
        "-/ClusterRoleBinding/switchyard-retail",
    ]


@pytest.mark.parametrize("version", ["1.25", "1.37"])
@pytest.mark.parametrize("tenant", [Tenant("retail", "shop"), FULL])
def test_kubernetes_schemas_know_every_field(tenant: Tenant, version: str) -> None:
    for item in every(tenant):
        kubernetes_validate.validate(item, version, strict=True)


def test_namespaces_enforce_the_tenants_pod_security_level() -> None:
    assert one(FULL, "-/Namespace/shop")["metadata"]["labels"] == {
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/audit-version": "latest",
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "latest",
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/warn-version": "latest",
        "switchyard.dev/tenant": "retail",
    }


def test_quota_and_limits_are_as_written() -> None:
    assert one(FULL, "shop/ResourceQuota/switchyard")["spec"] == {
        "hard": {"count/deployments.apps": "9", "pods": "50", "requests.cpu": "20"}
    }
    assert one(FULL, "shop/LimitRange/switchyard")["spec"] == {
        "limits": [
            {
                "type": "Container",
                "default": {"cpu": "500m"},
                "defaultRequest": {"cpu": "100m"},
                "max": {"cpu": "2", "memory": "2Gi"},
            }
        ]
    }


def test_limits_without_amounts_make_no_object() -> None:
    found = tenant_objects(Tenant("retail", "shop", limits=ContainerLimits()))

    assert not any(each["kind"] == "LimitRange" for each in found)


def resources(role: dict[str, Any], verb: str) -> set[str]:
    """Each `resource.group` on which a role grants a verb."""
    return {
        f"{resource}.{group}"
        for rule in role["rules"]
        for group, resource in itertools.product(rule["apiGroups"], rule["resources"])
        if verb in rule["verbs"]
    }


def test_the_agent_may_write_the_open_kinds_and_those_allowed_but_none_forbidden() -> None:
    written = resources(one(FULL, "shop/Role/switchyard"), "delete")
    opened = {f"{k.plural}.{k.group}" for k in KINDS.values() if k.scope is Scope.OPEN}

    assert written == opened - {"ingresses.networking.k8s.io"} | {"endpointslices.discovery.k8s.io"}


def test_the_agent_may_write_custom_kinds_that_are_allowed_by_name() -> None:
    tenant = Tenant("retail", "shop", allowed_kinds=("Widget.example.com", "Widget"))

    assert "widgets.example.com" in resources(one(tenant, "shop/Role/switchyard"), "create")


@pytest.mark.parametrize("tenant", [Tenant("retail", "shop"), FULL])
def test_the_agent_cannot_extend_its_rights(tenant: Tenant) -> None:
    for item in every(tenant):
        reasons = [reason for reason in violations(item, tenant) if "grants too much" in reason]
        assert reasons == []


@pytest.mark.parametrize("namespace", ["shop", "shop-data", "shop-jobs"])
def test_the_agents_account_may_write_to_every_namespace_of_the_tenant(namespace: str) -> None:
    assert one(FULL, f"{namespace}/RoleBinding/switchyard")["subjects"] == [
        {"kind": "ServiceAccount", "name": "switchyard-retail", "namespace": "flux-system"}
    ]


def test_an_agent_that_brings_its_own_accounts_gets_none() -> None:
    assert list(access_objects(FULL, ())) == []


def test_the_agent_may_only_change_the_tenants_namespaces() -> None:
    assert one(FULL, "-/ClusterRole/switchyard-retail")["rules"] == [
        {
            "apiGroups": ["storage.k8s.io"],
            "resources": ["storageclasses"],
            "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
        },
        {
            "apiGroups": [""],
            "resources": ["namespaces"],
            "resourceNames": ["shop", "shop-data", "shop-jobs"],
            "verbs": ["get", "patch", "update"],
        },
    ]


def test_the_order_in_the_file_does_not_matter() -> None:
    tenant = Tenant(
        "retail",
        "shop",
        namespaces=("b", "a", "shop"),
        quota={"pods": "1", "cpu": "1"},
        members=FULL.members,
        allow_from_namespaces=("y", "x"),
    )
    other = Tenant(
        "retail",
        "shop",
        namespaces=("a", "b"),
        quota={"cpu": "1", "pods": "1"},
        members=FULL.members[::-1],
        allow_from_namespaces=("x", "y"),
    )

    assert written(tenant) == written(other)


def test_a_tenant_may_leave_its_own_traffic_to_be_declared() -> None:
    tenant = Tenant("retail", "shop", declared_traffic_only=True)
    spec = one(tenant, "shop/NetworkPolicy/switchyard-allow")["spec"]
    open_to_ingress = replace(tenant, allow_from_namespaces=("ingress",))
    admitted = one(open_to_ingress, "shop/NetworkPolicy/switchyard-allow")["spec"]

    assert isinstance(spec, dict)
    assert isinstance(admitted, dict)
    assert spec["ingress"] == []
    assert [rule["ports"] for rule in spec["egress"]] == [
        [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]
    ]
    assert "ingress" in str(admitted["ingress"])
    assert "shop" not in str(admitted)


def written(tenant: Tenant) -> str:
    return "---\n".join(yaml.dump(each).decode() for each in tenant_objects(tenant))


def test_members_and_networks_read_well() -> None:
    names = [
        "shop/RoleBinding/switchyard-edit",
        "shop/NetworkPolicy/switchyard-deny",
        "shop/NetworkPolicy/switchyard-allow",
    ]

    assert "---\n".join(yaml.dump(one(FULL, name)).decode() for name in names) == snapshot("""\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: switchyard-edit
  namespace: shop
  labels:
    switchyard.dev/tenant: retail
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: edit
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: User
  name: rita
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: switchyard-deny
  namespace: shop
  labels:
    switchyard.dev/tenant: retail
spec:
  podSelector: {}
  policyTypes:
  - Egress
  - Ingress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: switchyard-allow
  namespace: shop
  labels:
    switchyard.dev/tenant: retail
spec:
  podSelector: {}
  policyTypes:
  - Egress
  - Ingress
  egress:
  - to:
    - namespaceSelector:
        matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values:
          - shop
          - shop-data
          - shop-jobs
  - to:
    - namespaceSelector:
        matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values:
          - kube-system
    ports:
    - port: 53
      protocol: TCP
    - port: 53
      protocol: UDP
  ingress:
  - from:
    - namespaceSelector:
        matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values:
          - ingress
          - shop
          - shop-data
          - shop-jobs
""")
