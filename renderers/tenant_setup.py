"""Builds what each cluster of a tenant (EMCO: a logical cloud) gets: namespaces and their policies.

Sources: Kubernetes documentation, "Pod Security Admission", "Resource Quotas", "Limit Ranges" and
"Using RBAC Authorization".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from planners.model import Json, Tenant
from renderers.agents import Account
from renderers.kubernetes.kinds import (
    AGENT_ACCOUNT,
    KINDS,
    Kind,
    Scope,
    is_allowed,
    is_forbidden,
    known_kind,
)
from renderers.tenant_network import traffic_policies

COMPONENT = "namespace"
"""The component with these objects, which all others of a tenant's set-up need."""

_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "get", "list", "patch", "update", "watch")
_RECORD = ("create", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class _ApiType:
    """The apiVersion and kind of an object."""

    api_version: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule of a Role: verbs on resources of one API group."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]

    def json(self) -> Json:
        """The rule as in a manifest."""
        return {
            "apiGroups": [self.group],
            "resources": list(self.resources),
            "verbs": list(self.verbs),
        }


_GRANTABLE = (
    _Rule("", ("endpoints", "limitranges", "resourcequotas"), _READ),
    _Rule("", ("events",), _RECORD),
    _Rule("", ("pods/attach", "pods/exec", "pods/log", "pods/portforward"), ("create", "get")),
    _Rule("apps", ("deployments/scale", "statefulsets/scale"), ("get", "patch", "update")),
    _Rule("discovery.k8s.io", ("endpointslices",), _READ),
    _Rule("events.k8s.io", ("events",), _RECORD),
)
"""What Roles of applications often grant; Kubernetes requires the granting account to hold it."""

_RBAC = "rbac.authorization.k8s.io"
_SERVICE_ACCOUNT = _ApiType("v1", "ServiceAccount")
_RESOURCE_QUOTA = _ApiType("v1", "ResourceQuota")
_LIMIT_RANGE = _ApiType("v1", "LimitRange")
_ROLE = _ApiType(f"{_RBAC}/v1", "Role")
_ROLE_BINDING = _ApiType(f"{_RBAC}/v1", "RoleBinding")
_CLUSTER_ROLE = _ApiType(f"{_RBAC}/v1", "ClusterRole")
_CLUSTER_ROLE_BINDING = _ApiType(f"{_RBAC}/v1", "ClusterRoleBinding")


def tenant_objects(tenant: Tenant) -> tuple[dict[str, Json], ...]:
    """All objects that each cluster of a tenant gets, namespaces first.

    In every namespace: quota and limits, the role of the agent's accounts, the members' roles, and
    network policies. The role has no `bind`, `escalate` or `impersonate`; custom kinds that
    applications define themselves require an additional role for the accounts, granted by the
    platform. `renderers.tenant_network` adds what the network of a cluster needs.
    """
    namespaces = (tenant.namespace, *sorted(set(tenant.namespaces) - {tenant.namespace}))
    objects = [_namespace(tenant, name) for name in namespaces]
    for name in namespaces:
        objects += _limits(tenant, name)
        objects.append(_role(tenant, name))
        objects += _members(tenant, name)
        objects += traffic_policies(tenant, name)
    return (*objects, *_cluster_wide(tenant))


def access_objects(tenant: Tenant, accounts: Sequence[Account]) -> Iterator[dict[str, Json]]:
    """The accounts that an agent acts as for a tenant, with the tenant's rights and no others."""
    if not accounts:
        return
    for each in accounts:
        yield _object(
            tenant,
            _SERVICE_ACCOUNT,
            each.name,
            each.namespace,
            automountServiceAccountToken=False,
        )
    subjects: list[Json] = [
        {"kind": "ServiceAccount", "name": each.name, "namespace": each.namespace}
        for each in accounts
    ]
    for namespace in tenant.all_namespaces:
        yield _object(
            tenant,
            _ROLE_BINDING,
            AGENT_ACCOUNT,
            namespace,
            roleRef=_role_ref("Role", AGENT_ACCOUNT),
            subjects=subjects,
        )
    if _writable(tenant, cluster=True):
        name = f"{AGENT_ACCOUNT}-{tenant.name}"
        role = _role_ref("ClusterRole", name)
        yield _object(tenant, _CLUSTER_ROLE_BINDING, name, None, roleRef=role, subjects=subjects)


def _object(
    tenant: Tenant, type_: _ApiType, name: str, namespace: str | None, **fields: Json
) -> dict[str, Json]:
    in_namespace: dict[str, Json] = {} if namespace is None else {"namespace": namespace}
    labels: dict[str, Json] = {"switchyard.dev/tenant": tenant.name}
    return {
        "apiVersion": type_.api_version,
        "kind": type_.kind,
        "metadata": {"name": name, **in_namespace, "labels": labels},
        **fields,
    }


def _namespace(tenant: Tenant, name: str) -> dict[str, Json]:
    labels: dict[str, Json] = {"switchyard.dev/tenant": tenant.name}
    for mode in ("audit", "enforce", "warn"):
        labels[f"pod-security.kubernetes.io/{mode}"] = tenant.pod_security
        labels[f"pod-security.kubernetes.io/{mode}-version"] = "latest"
    metadata: dict[str, Json] = {"name": name, "labels": dict(sorted(labels.items()))}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _limits(tenant: Tenant, namespace: str) -> Iterator[dict[str, Json]]:
    if tenant.quota:
        spec: Json = {"hard": _sorted(tenant.quota)}
        yield _object(tenant, _RESOURCE_QUOTA, AGENT_ACCOUNT, namespace, spec=spec)
    if tenant.limits is not None:
        limit: dict[str, Json] = {"type": "Container"}
        for field, amounts in (
            ("default", tenant.limits.default),
            ("defaultRequest", tenant.limits.default_request),
            ("max", tenant.limits.max),
        ):
            if amounts:
                limit[field] = _sorted(amounts)
        if len(limit) > 1:
            spec = {"limits": [limit]}
            yield _object(tenant, _LIMIT_RANGE, AGENT_ACCOUNT, namespace, spec=spec)


def _role(tenant: Tenant, namespace: str) -> dict[str, Json]:
    """The role of the agent's accounts: they may write what the tenant may."""
    rules = [*_write_rules(_writable(tenant)), *(each.json() for each in _GRANTABLE)]
    return _object(tenant, _ROLE, AGENT_ACCOUNT, namespace, rules=rules)


def _writable(tenant: Tenant, *, cluster: bool = False) -> tuple[Kind, ...]:
    """The kinds that the tenant may write, namespaced or cluster-scoped, sorted.

    A kind in no table counts as namespaced; the allowed kinds name those (`Kind.group`).
    """
    entries = (entry.partition(".") for entry in tenant.allowed_kinds)
    named = {(group, name): known_kind(group, name) for name, _, group in entries if "." in group}
    return tuple(
        kind
        for _, kind in sorted({**KINDS, **named}.items())
        if (kind.scope is Scope.CLUSTER) is cluster
        and (kind.scope is Scope.OPEN or is_allowed(kind, tenant.allowed_kinds))
        and not is_forbidden(kind, tenant.forbidden_kinds)
    )


def _write_rules(kinds: tuple[Kind, ...]) -> Iterator[Json]:
    groups: dict[str, list[str]] = {}
    for kind in kinds:
        groups.setdefault(kind.group, []).append(kind.plural)
    for group, plurals in groups.items():
        yield _Rule(group, tuple(sorted(plurals)), _WRITE).json()


def _members(tenant: Tenant, namespace: str) -> Iterator[dict[str, Json]]:
    for role in sorted({member.role for member in tenant.members}):
        members = {(each.kind, each.name) for each in tenant.members if each.role == role}
        subjects: list[Json] = [
            {"apiGroup": _RBAC, "kind": kind, "name": name} for kind, name in sorted(members)
        ]
        yield _object(
            tenant,
            _ROLE_BINDING,
            f"{AGENT_ACCOUNT}-{role}",
            namespace,
            roleRef=_role_ref("ClusterRole", role),
            subjects=subjects,
        )


def _cluster_wide(tenant: Tenant) -> Iterator[dict[str, Json]]:
    """The role for the cluster-scoped kinds that the tenant may write, if any.

    On namespaces it may only update the tenant's own, which exist by then.
    """
    kinds = _writable(tenant, cluster=True)
    if not kinds:
        return
    namespace = KINDS["", "Namespace"]
    rules = [*_write_rules(tuple(kind for kind in kinds if kind != namespace))]
    if namespace in kinds:
        own: list[Json] = [*sorted(set(tenant.all_namespaces))]
        rules.append(
            {
                "apiGroups": [""],
                "resources": ["namespaces"],
                "resourceNames": own,
                "verbs": ["get", "patch", "update"],
            }
        )
    name = f"{AGENT_ACCOUNT}-{tenant.name}"
    yield _object(tenant, _CLUSTER_ROLE, name, None, rules=rules)


def _role_ref(kind: str, name: str) -> Json:
    return {"apiGroup": _RBAC, "kind": kind, "name": name}


def _sorted(amounts: Mapping[str, str]) -> Json:
    return dict(sorted(amounts.items()))
