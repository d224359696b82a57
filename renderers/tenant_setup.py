"""What a cluster gets for a tenant (EMCO: a logical cloud): its namespaces and their rules.

Sources: Kubernetes documentation, "Pod Security Admission", "Resource Quotas", "Limit Ranges",
"Using RBAC Authorization" and "Network Policies" (default deny; `kubernetes.io/metadata.name`).
"""

from collections.abc import Iterator, Mapping

from planners.model import Json, Tenant
from renderers.kubernetes.kinds import AGENT, KINDS, Kind, Scope, is_named

_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "get", "list", "patch", "update", "watch")
_PASSED_ON = (
    ("", ("endpoints", "limitranges", "resourcequotas"), _READ),
    ("", ("events",), ("create", "get", "list", "patch", "update", "watch")),
    ("", ("pods/attach", "pods/exec", "pods/log", "pods/portforward"), ("create", "get")),
    ("apps", ("deployments/scale", "statefulsets/scale"), ("get", "patch", "update")),
    ("discovery.k8s.io", ("endpointslices",), _READ),
    ("events.k8s.io", ("events",), ("create", "get", "list", "patch", "update", "watch")),
)
"""What Roles of applications often grant. Kubernetes lets nobody grant what he does not hold."""

_RBAC = "rbac.authorization.k8s.io"
_NAME = "kubernetes.io/metadata.name"
_DNS_NAMESPACE = "kube-system"
_DNS_PORT = 53


def tenant_objects(tenant: Tenant) -> tuple[dict[str, Json], ...]:
    """Everything that each cluster of a tenant gets, namespaces first.

    In every namespace: its quota and limits, the account that the agent acts as with its role, the
    members' roles, and network policies that deny what is not between the tenant's own pods, DNS,
    or from `allow_from_namespaces`. The agent's role holds no `bind`, `escalate` or `impersonate`;
    kinds that nobody told of need a role of the platform's for the account.
    """
    namespaces = (tenant.namespace, *sorted(set(tenant.namespaces) - {tenant.namespace}))
    found = [_namespace(tenant, name) for name in namespaces]
    for name in namespaces:
        found += _limits(tenant, name)
        found += _agent(tenant, name)
        found += _members(tenant, name)
        found += _network(tenant, namespaces, name)
    return (*found, *_cluster_wide(tenant))


def _object(
    tenant: Tenant, kind: tuple[str, str], name: str, namespace: str | None, **fields: Json
) -> dict[str, Json]:
    place: dict[str, Json] = {} if namespace is None else {"namespace": namespace}
    labels: dict[str, Json] = {"switchyard.dev/tenant": tenant.name}
    return {
        "apiVersion": kind[0],
        "kind": kind[1],
        "metadata": {"name": name, **place, "labels": labels},
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
        yield _object(tenant, ("v1", "ResourceQuota"), AGENT, namespace, spec=spec)
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
            yield _object(tenant, ("v1", "LimitRange"), AGENT, namespace, spec=spec)


def _agent(tenant: Tenant, namespace: str) -> Iterator[dict[str, Json]]:
    """The account, its role and the binding, to the main namespace's account as well."""
    yield _object(
        tenant,
        ("v1", "ServiceAccount"),
        AGENT,
        namespace,
        automountServiceAccountToken=False,
    )
    rules = [*_rules(_writable(tenant)), *(_rule(*each) for each in _PASSED_ON)]
    yield _object(tenant, (f"{_RBAC}/v1", "Role"), AGENT, namespace, rules=rules)
    yield _object(
        tenant,
        (f"{_RBAC}/v1", "RoleBinding"),
        AGENT,
        namespace,
        roleRef=_reference("Role", AGENT),
        subjects=[_account(each) for each in sorted({tenant.namespace, namespace})],
    )


def _writable(tenant: Tenant, *, cluster: bool = False) -> tuple[Kind, ...]:
    """The kinds that the tenant may write, in namespaces or cluster-wide, sorted."""
    return tuple(
        kind
        for _, kind in sorted(KINDS.items())
        if (kind.scope is Scope.CLUSTER) is cluster
        and (kind.scope is Scope.OPEN or is_named(kind, tenant.allowed_kinds))
        and not is_named(kind, tenant.forbidden_kinds)
    )


def _rules(kinds: tuple[Kind, ...]) -> Iterator[Json]:
    groups: dict[str, list[str]] = {}
    for kind in kinds:
        groups.setdefault(kind.group, []).append(kind.plural)
    for group, plurals in groups.items():
        yield _rule(group, tuple(sorted(plurals)), _WRITE)


def _rule(group: str, resources: tuple[str, ...], verbs: tuple[str, ...]) -> Json:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _members(tenant: Tenant, namespace: str) -> Iterator[dict[str, Json]]:
    for role in sorted({member.role for member in tenant.members}):
        members = {(each.kind, each.name) for each in tenant.members if each.role == role}
        subjects: list[Json] = [
            {"apiGroup": _RBAC, "kind": kind, "name": name} for kind, name in sorted(members)
        ]
        yield _object(
            tenant,
            (f"{_RBAC}/v1", "RoleBinding"),
            f"{AGENT}-{role}",
            namespace,
            roleRef=_reference("ClusterRole", role),
            subjects=subjects,
        )


def _network(
    tenant: Tenant, namespaces: tuple[str, ...], namespace: str
) -> Iterator[dict[str, Json]]:
    """Deny everything, then allow what the tenant is for; policies add up."""
    kind = ("networking.k8s.io/v1", "NetworkPolicy")
    types: list[Json] = ["Egress", "Ingress"]
    deny: Json = {"podSelector": {}, "policyTypes": types}
    yield _object(tenant, kind, f"{AGENT}-deny", namespace, spec=deny)
    ports: list[Json] = [{"port": _DNS_PORT, "protocol": protocol} for protocol in ("TCP", "UDP")]
    allow: Json = {
        "podSelector": {},
        "policyTypes": types,
        "egress": [
            {"to": [_pods_of(namespaces)]},
            {"to": [_pods_of((_DNS_NAMESPACE,))], "ports": ports},
        ],
        "ingress": [{"from": [_pods_of((*namespaces, *tenant.allow_from_namespaces))]}],
    }
    yield _object(tenant, kind, f"{AGENT}-allow", namespace, spec=allow)


def _pods_of(namespaces: tuple[str, ...]) -> Json:
    values: list[Json] = [*sorted(set(namespaces))]
    expression: Json = {"key": _NAME, "operator": "In", "values": values}
    return {"namespaceSelector": {"matchExpressions": [expression]}}


def _cluster_wide(tenant: Tenant) -> Iterator[dict[str, Json]]:
    """The agent's rights on the cluster-scoped kinds that the tenant is allowed, if any.

    Of namespaces it may change only the tenant's: those exist by then.
    """
    kinds = _writable(tenant, cluster=True)
    if not kinds:
        return
    namespace = KINDS["", "Namespace"]
    rules = [*_rules(tuple(kind for kind in kinds if kind != namespace))]
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
    name = f"{AGENT}-{tenant.name}"
    yield _object(tenant, (f"{_RBAC}/v1", "ClusterRole"), name, None, rules=rules)
    yield _object(
        tenant,
        (f"{_RBAC}/v1", "ClusterRoleBinding"),
        name,
        None,
        roleRef=_reference("ClusterRole", name),
        subjects=[_account(tenant.namespace)],
    )


def _reference(kind: str, name: str) -> Json:
    return {"apiGroup": _RBAC, "kind": kind, "name": name}


def _account(namespace: str) -> Json:
    return {"kind": "ServiceAccount", "name": AGENT, "namespace": namespace}


def _sorted(amounts: Mapping[str, str]) -> Json:
    return dict(sorted(amounts.items()))
