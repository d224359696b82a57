"""Checks whether a tenant may write an object: its kind, namespace and every other policy."""

from collections.abc import Iterator, Mapping

from planners.model import Json, Tenant
from renderers.kubernetes.kinds import AGENT_ACCOUNT, Kind, Scope, is_named, kind_of
from renderers.kubernetes.metadata import label_of, name_of, namespace_of
from renderers.policy.agent_metadata import is_agent_kind, metadata_violations
from renderers.policy.plaintext_secrets import secret_violations
from renderers.policy.pods import pod_violations
from renderers.policy.rbac import rbac_violations

EXTERNAL_SERVICES = "Service.externalIPs"
"""In `allowed_kinds`: the tenant's Services may use addresses and names outside the cluster."""

_RESERVED_NAME_KINDS = frozenset(
    {"ClusterRole", "ClusterRoleBinding", "NetworkPolicy", "Role", "RoleBinding", "ServiceAccount"}
)


def violations(
    item: Mapping[str, Json], tenant: Tenant, *, plaintext_allowed: bool = False
) -> Iterator[str]:
    """Why the tenant may not write this object; empty if it may.

    `plaintext_allowed` is the policy's `plaintext_secrets` for this tenant.
    """
    kind, label = kind_of(item), label_of(item)
    reasons = (
        _kind_and_namespace(item, kind, tenant),
        metadata_violations(item),
        rbac_violations(item, tenant.all_namespaces),
        _service(item, tenant),
        (f"violates pod policy: {reason}" for reason in pod_violations(item, tenant.pod_security)),
        secret_violations(item, plaintext_allowed=plaintext_allowed),
    )
    for each in reasons:
        yield from (f"{label} {reason}" for reason in each)


def in_namespace(item: Mapping[str, Json], tenant: Tenant) -> dict[str, Json]:
    """A copy with metadata.namespace set: the tenant's main one unless it states another.

    A cluster-scoped object gets none.
    """
    if kind_of(item).scope is Scope.CLUSTER:
        return dict(item)
    metadata = item.get("metadata")
    assert isinstance(metadata, dict)
    namespace = namespace_of(item) or tenant.namespace
    return {**item, "metadata": {**metadata, "namespace": namespace}}


def _kind_and_namespace(item: Mapping[str, Json], kind: Kind, tenant: Tenant) -> Iterator[str]:
    """Whether the tenant may write this kind into this namespace."""
    name, namespace = name_of(item), namespace_of(item)
    namespaces = ", ".join(tenant.all_namespaces)
    if is_named(kind, tenant.forbidden_kinds):
        yield f"is of a kind that tenant {tenant.name} must not write (its kinds.forbidden)"
    if is_agent_kind(kind):
        yield f"controls the cluster's agent ({kind.group}); only Switchyard may write it"
    elif kind.scope is not Scope.OPEN and not is_named(kind, tenant.allowed_kinds):
        what = "cluster-scoped" if kind.scope is Scope.CLUSTER else "reserved for the platform"
        yield (
            f"is {what}; tenant {tenant.name} ({namespaces}) may write it only if its "
            f"kinds.allowed lists {kind}"
        )
    if kind.scope is not Scope.CLUSTER and namespace not in {None, *tenant.all_namespaces}:
        yield (
            f"is in namespace {namespace}; tenant {tenant.name} may write only to {namespaces}: "
            f"remove metadata.namespace"
        )
    if (kind.group, kind.name) == ("", "Namespace") and name not in tenant.all_namespaces:
        yield f"is not a namespace of tenant {tenant.name}, which has {namespaces}"
    if isinstance(item.get("items"), list):
        yield (
            "contains other objects (items), which agents would apply unchecked; write each "
            "separately"
        )
    reserved = name == AGENT_ACCOUNT or name.startswith(f"{AGENT_ACCOUNT}-")
    if kind.name in _RESERVED_NAME_KINDS and reserved:
        yield (
            f"has a name reserved for Switchyard's own objects; choose one that does not start "
            f"with {AGENT_ACCOUNT}"
        )


def _service(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """A Service can intercept the traffic of others (CVE-2020-8554, CVE-2021-25740)."""
    spec = item.get("spec")
    kind = kind_of(item)
    if (kind.group, kind.name) != ("", "Service") or not isinstance(spec, dict):
        return
    if EXTERNAL_SERVICES in tenant.allowed_kinds:
        return
    condition = f"this requires {EXTERNAL_SERVICES} in the tenant's kinds.allowed"
    if spec.get("externalIPs"):
        yield f"receives traffic for addresses outside the cluster (spec.externalIPs); {condition}"
    if spec.get("type") == "ExternalName":
        yield f"resolves to a name outside its namespace (type ExternalName); {condition}"
