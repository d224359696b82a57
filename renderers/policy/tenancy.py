"""What a tenant may write, checked on final objects: nothing reaches a deploy repo unseen."""

from collections.abc import Iterator, Mapping

from planners.model import Json, Tenant
from renderers.kubernetes.kinds import AGENT, Kind, Scope, is_named, kind_of
from renderers.policy.agent_metadata import steering_violations, steers_agent
from renderers.policy.plaintext_secrets import secret_violations
from renderers.policy.pods import asks_too_much
from renderers.policy.rbac import right_violations

EXTERNAL_SERVICES = "Service.externalIPs"
"""In `allowed_kinds`: the tenant's Services may take addresses and names outside the cluster."""

_OWN = frozenset(
    {"ClusterRole", "ClusterRoleBinding", "NetworkPolicy", "Role", "RoleBinding", "ServiceAccount"}
)


def name_of(item: Mapping[str, Json]) -> str:
    """The object's metadata.name, or nothing."""
    metadata = item.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""


def namespace_of(item: Mapping[str, Json]) -> str | None:
    """The object's metadata.namespace, if it names one."""
    metadata = item.get("metadata")
    found = metadata.get("namespace") if isinstance(metadata, dict) else None
    return str(found) if found is not None else None


def violations(
    item: Mapping[str, Json], tenant: Tenant, *, plaintext_allowed: bool = False
) -> Iterator[str]:
    """Why the tenant may not write this object; nothing when it may.

    `plaintext_allowed` is the policy's `plaintext_secrets` for this tenant.
    """
    kind, label = kind_of(item), f"{item.get('kind')}/{name_of(item)}"
    reasons = (
        _place(item, kind, tenant),
        steering_violations(item),
        right_violations(item, tenant.all_namespaces),
        _service(item, tenant),
        (f"asks too much: {reason}" for reason in asks_too_much(item, tenant.pod_security)),
        secret_violations(item, plaintext_allowed=plaintext_allowed),
    )
    for each in reasons:
        yield from (f"{label} {reason}" for reason in each)


def in_namespace(item: Mapping[str, Json], tenant: Tenant) -> dict[str, Json]:
    """A copy that names its namespace: the tenant's main one unless it names another.

    A cluster-scoped object is left without one.
    """
    if kind_of(item).scope is Scope.CLUSTER:
        return dict(item)
    metadata = item.get("metadata")
    assert isinstance(metadata, dict)
    namespace = namespace_of(item) or tenant.namespace
    return {**item, "metadata": {**metadata, "namespace": namespace}}


def _place(item: Mapping[str, Json], kind: Kind, tenant: Tenant) -> Iterator[str]:
    """Whether the kind and the namespace are the tenant's to write."""
    name, namespace = name_of(item), namespace_of(item)
    namespaces = ", ".join(tenant.all_namespaces)
    if is_named(kind, tenant.forbidden_kinds):
        yield f"is of a kind that tenant {tenant.name} may not write (its kinds.forbidden)"
    if steers_agent(kind):
        yield f"steers the cluster's agent ({kind.group}); only Switchyard writes those"
    elif kind.scope is not Scope.OPEN and not is_named(kind, tenant.allowed_kinds):
        what = "cluster-scoped" if kind.scope is Scope.CLUSTER else "for the platform to write"
        yield (
            f"is {what}; tenant {tenant.name} may write into its namespace ({namespaces}) unless "
            f"its kinds.allowed has {kind}"
        )
    if kind.scope is not Scope.CLUSTER and namespace not in {None, *tenant.all_namespaces}:
        yield (
            f"is for namespace {namespace}; tenant {tenant.name} may write into {namespaces}: "
            f"leave metadata.namespace out"
        )
    if (kind.group, kind.name) == ("", "Namespace") and name not in tenant.all_namespaces:
        yield f"is a namespace of others; tenant {tenant.name} has {namespaces}"
    if isinstance(item.get("items"), list):
        yield "holds other objects (items), which agents would apply unchecked; write each alone"
    if kind.name in _OWN and (name == AGENT or name.startswith(f"{AGENT}-")):
        yield f"has a name of Switchyard's own objects; choose one that starts without {AGENT}"


def _service(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """A Service can take traffic meant for others (CVE-2020-8554, CVE-2021-25740)."""
    spec = item.get("spec")
    kind = kind_of(item)
    if (kind.group, kind.name) != ("", "Service") or not isinstance(spec, dict):
        return
    if EXTERNAL_SERVICES in tenant.allowed_kinds:
        return
    unless = f"only a tenant with {EXTERNAL_SERVICES} in its kinds.allowed may"
    if spec.get("externalIPs"):
        yield f"takes traffic for addresses outside the cluster (spec.externalIPs); {unless}"
    if spec.get("type") == "ExternalName":
        yield f"stands for a name outside its namespace (type ExternalName); {unless}"
