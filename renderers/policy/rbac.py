"""Rejects RBAC roles and bindings of a tenant that grant more than the tenant has.

Source: Kubernetes documentation, "Role Based Access Control Good Practices" (privilege escalation
risks) and "Using RBAC Authorization" (aggregation, default roles). Kubernetes' own
escalation check applies after this one: the agent cannot grant what it does not hold.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping

from planners.model import Json, Tenant
from renderers.kubernetes.fields import mapping, texts
from renderers.kubernetes.kinds import (
    BUILT_IN,
    KINDS,
    Scope,
    is_known_group,
    is_reserved_name,
    known_kind,
)
from renderers.kubernetes.metadata import namespace_of
from renderers.policy.agent_metadata import is_agent_group
from renderers.policy.allowed_kinds import DefinedKinds, may_write, permission

SHARED_ROLES = ("view", "edit")
_BUILT_IN = frozenset({"cluster-admin", "admin", "edit", "view"})
_ESCALATING_VERBS = frozenset({"bind", "escalate", "impersonate"})
_FORBIDDEN_RESOURCES = {
    "nodes/proxy": "gives access to every pod on a node",
    "certificatesigningrequests/approval": "allows issuing certificates for any identity",
    "serviceaccounts/token": "allows creating tokens for other accounts",
}
_OWN_NAMESPACE = frozenset(
    {"secrets", "pods/attach", "pods/ephemeralcontainers", "pods/exec", "pods/portforward"}
    | {"pods/proxy", "services/proxy"}
)
_READ_VERBS = frozenset({"get", "list", "watch"})
_ALWAYS_GRANTABLE = frozenset({("", "bindings"), ("", "events"), ("events.k8s.io", "events")})
"""What Kubernetes' own role `edit`, or every client, may write although tenants do not."""

_BY_PLURAL = {(kind.group, kind.plural): kind for kind in KINDS.values()}
_BUILT_IN_GROUPS = frozenset(group for group, _ in BUILT_IN)
_BUILT_IN_PLURALS = frozenset(kind.plural for kind in BUILT_IN.values())
_AGGREGATES = "rbac.authorization.k8s.io/aggregate-to-"


def rbac_violations(
    item: Mapping[str, Json], tenant: Tenant, defined: DefinedKinds
) -> Iterator[str]:
    """Which excessive permissions an RBAC object grants: a pod may write what its tenant may."""
    kind, namespaces = item.get("kind"), tenant.all_namespaces
    if kind in {"Role", "ClusterRole"}:
        for index, rule in enumerate(_mappings(item.get("rules"))):
            yield from _rule(rule, f"rules[{index}]", everywhere=kind == "ClusterRole")
            yield from _written(
                rule, f"rules[{index}]", tenant, defined, everywhere=kind == "ClusterRole"
            )
    if kind == "ClusterRole":
        yield from _aggregation(item)
    if kind in {"RoleBinding", "ClusterRoleBinding"}:
        yield from _role(mapping(item.get("roleRef")), everywhere=kind == "ClusterRoleBinding")
        for index, subject in enumerate(_mappings(item.get("subjects"))):
            own = None if kind == "ClusterRoleBinding" else namespace_of(item) or tenant.namespace
            problem = _subject(subject, namespaces, own)
            if problem:
                yield f"has a subject that the tenant does not own: subjects[{index}] {problem}"


def _rule(rule: Mapping[str, Json], place: str, *, everywhere: bool) -> Iterator[str]:
    for field in ("apiGroups", "resources", "verbs", "nonResourceURLs"):
        if any("*" in each for each in texts(rule.get(field))):
            yield f"grants too much: {place}.{field} contains a wildcard; list each value"
    for verb in sorted(_ESCALATING_VERBS.intersection(texts(rule.get("verbs")))):
        yield f"grants too much: {place}.verbs contains {verb}, which allows privilege escalation"
    for resource in texts(rule.get("resources")):
        if resource in _FORBIDDEN_RESOURCES:
            reason = _FORBIDDEN_RESOURCES[resource]
            yield f"grants too much: {place}.resources contains {resource}, which {reason}"
        elif everywhere and resource in _OWN_NAMESPACE:
            yield (
                f"grants too much: {place}.resources contains {resource}, for all namespaces; use "
                f"a Role, which applies to one namespace"
            )


def _written(
    rule: Mapping[str, Json], place: str, tenant: Tenant, defined: DefinedKinds, *, everywhere: bool
) -> Iterator[str]:
    """The kinds that a rule allows to write although the tenant may not, there or anywhere."""
    if not set(texts(rule.get("verbs"))) - _READ_VERBS:
        return
    groups = [group for group in texts(rule.get("apiGroups")) if "*" not in group]
    for group, resource in itertools.product(groups, texts(rule.get("resources"))):
        plural = resource.partition("/")[0]
        kind = _BY_PLURAL.get((group, plural))
        if "*" in resource or (group, plural) in _ALWAYS_GRANTABLE:
            continue
        grants = f"grants too much: {place} allows writing {resource}"
        if is_agent_group(group):
            yield f"{grants} of API group {group}, which controls the cluster's agent"
        elif kind is None:
            if not _is_harmless(group, plural, tenant, defined):
                yield f"{grants} of API group {group}, which the tenant may not: name its kind"
        elif not may_write(kind, tenant, defined):
            yield f"{grants}, which the tenant may not; {permission(str(kind), tenant)}"
        elif everywhere and kind.scope is not Scope.CLUSTER:
            yield f"{grants} in all namespaces; use a Role, which applies to one namespace"


def _is_harmless(group: str, plural: str, tenant: Tenant, defined: DefinedKinds) -> bool:
    """Whether a resource in no table is one the tenant may write, or none at all.

    A rule applies to each of its groups, so that most combinations do not exist.
    """
    if "." not in group or group in _BUILT_IN_GROUPS:
        return True
    if any(each == group for each, _ in defined):
        return True
    if is_known_group(group) and plural in _BUILT_IN_PLURALS:
        return True
    named = (each.partition(".") for each in tenant.allowed_kinds)
    return any(known_kind(group, name).plural == plural for name, _, of in named if of == group)


def _aggregation(item: Mapping[str, Json]) -> Iterator[str]:
    if item.get("aggregationRule") is not None:
        yield "grants too much: aggregationRule includes the rules of other roles; list the rules"
    labels = mapping(mapping(item.get("metadata")).get("labels"))
    for label in sorted(labels):
        if label.startswith(_AGGREGATES):
            yield f"grants too much: label {label} adds its rules to a shared role"


def _role(reference: Mapping[str, Json], *, everywhere: bool) -> Iterator[str]:
    kind, name = reference.get("kind"), str(reference.get("name"))
    if everywhere:
        if name in _BUILT_IN or name.startswith("system:"):
            yield f"binds ClusterRole/{name} in all namespaces; bind your own ClusterRole"
    elif kind == "Role":
        if is_reserved_name(name):
            yield f"binds Role/{name}, which belongs to the agent; create your own Role"
    elif kind != "ClusterRole" or name not in SHARED_ROLES:
        yield (
            f"binds {kind}/{name}; a tenant may bind its own Roles, or ClusterRole "
            f"{' or '.join(SHARED_ROLES)}"
        )


def _subject(subject: Mapping[str, Json], namespaces: Collection[str], own: str | None) -> str:
    """Why a subject must not be bound; empty if it may.

    A service account without namespace is one of the binding's own (k8s.io/kubernetes,
    pkg/registry/rbac/validation: `appliesToUser`).
    """
    kind, name = str(subject.get("kind")), str(subject.get("name"))
    if kind == "ServiceAccount":
        namespace = str(subject.get("namespace") or own or "")
        if not namespace:
            return "is a service account without namespace"
        if namespace not in namespaces:
            return f"is a service account of namespace {namespace}"
        return "is the agent's service account" if is_reserved_name(name) else ""
    if kind not in {"User", "Group"}:
        return f"is of kind {kind}; expected ServiceAccount, User or Group"
    if not name.startswith("system:"):
        return ""
    match name.split(":"):
        case ["system", "serviceaccounts", namespace] if kind == "Group":
            is_own = namespace in namespaces
        case ["system", "serviceaccount", namespace, account] if kind == "User":
            is_own = namespace in namespaces and not is_reserved_name(account)
        case _:
            is_own = False
    return "" if is_own else f"is {kind} {name}"


def _mappings(value: Json) -> tuple[Mapping[str, Json], ...]:
    items = value if isinstance(value, list) else []
    return tuple(each for each in items if isinstance(each, dict))
