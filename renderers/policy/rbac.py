"""Rejects RBAC roles and bindings of a tenant that grant more than the tenant has.

Source: Kubernetes documentation, "Role Based Access Control Good Practices" (privilege escalation
risks) and "Using RBAC Authorization" (aggregation, default roles). Kubernetes' own
escalation check applies after this one: the agent cannot grant what it does not hold.
"""

from collections.abc import Collection, Iterator, Mapping

from planners.model import Json
from renderers.kubernetes.kinds import AGENT_ACCOUNT

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
_AGGREGATES = "rbac.authorization.k8s.io/aggregate-to-"


def rbac_violations(item: Mapping[str, Json], namespaces: Collection[str]) -> Iterator[str]:
    """Which excessive permissions an RBAC object grants; `namespaces` are the tenant's."""
    kind = item.get("kind")
    if kind in {"Role", "ClusterRole"}:
        for index, rule in enumerate(_mappings(item.get("rules"))):
            yield from _rule(rule, f"rules[{index}]", everywhere=kind == "ClusterRole")
    if kind == "ClusterRole":
        yield from _aggregation(item)
    if kind in {"RoleBinding", "ClusterRoleBinding"}:
        yield from _role(_mapping(item.get("roleRef")), everywhere=kind == "ClusterRoleBinding")
        for index, subject in enumerate(_mappings(item.get("subjects"))):
            problem = _subject(subject, namespaces)
            if problem:
                yield f"has a subject that the tenant does not own: subjects[{index}] {problem}"


def _rule(rule: Mapping[str, Json], place: str, *, everywhere: bool) -> Iterator[str]:
    for field in ("apiGroups", "resources", "verbs", "nonResourceURLs"):
        if any("*" in each for each in _texts(rule.get(field))):
            yield f"grants too much: {place}.{field} contains a wildcard; list each value"
    for verb in sorted(_ESCALATING_VERBS.intersection(_texts(rule.get("verbs")))):
        yield f"grants too much: {place}.verbs contains {verb}, which allows privilege escalation"
    for resource in _texts(rule.get("resources")):
        if resource in _FORBIDDEN_RESOURCES:
            reason = _FORBIDDEN_RESOURCES[resource]
            yield f"grants too much: {place}.resources contains {resource}, which {reason}"
        elif everywhere and resource in _OWN_NAMESPACE:
            yield (
                f"grants too much: {place}.resources contains {resource}, for all namespaces; use "
                f"a Role, which applies to one namespace"
            )


def _aggregation(item: Mapping[str, Json]) -> Iterator[str]:
    if item.get("aggregationRule") is not None:
        yield "grants too much: aggregationRule includes the rules of other roles; list the rules"
    labels = _mapping(_mapping(item.get("metadata")).get("labels"))
    for label in sorted(labels):
        if label.startswith(_AGGREGATES):
            yield f"grants too much: label {label} adds its rules to a shared role"


def _role(reference: Mapping[str, Json], *, everywhere: bool) -> Iterator[str]:
    kind, name = reference.get("kind"), str(reference.get("name"))
    if everywhere:
        if name in _BUILT_IN or name.startswith("system:"):
            yield f"binds ClusterRole/{name} in all namespaces; bind your own ClusterRole"
    elif kind == "Role":
        if name == AGENT_ACCOUNT:
            yield f"binds Role/{name}, which belongs to the agent; create your own Role"
    elif kind != "ClusterRole" or name not in SHARED_ROLES:
        yield (
            f"binds {kind}/{name}; a tenant may bind its own Roles, or ClusterRole "
            f"{' or '.join(SHARED_ROLES)}"
        )


def _subject(subject: Mapping[str, Json], namespaces: Collection[str]) -> str:
    """Why a subject must not be bound; empty if it may."""
    kind, name = subject.get("kind"), str(subject.get("name"))
    if kind == "ServiceAccount":
        namespace = subject.get("namespace")
        if namespace not in namespaces:
            return f"is a service account of namespace {namespace}"
        return "is the agent's service account" if name == AGENT_ACCOUNT else ""
    if kind not in {"User", "Group"}:
        return f"is of kind {kind}; expected ServiceAccount, User or Group"
    if not name.startswith("system:"):
        return ""
    match name.split(":"):
        case ["system", "serviceaccounts", namespace] if kind == "Group":
            own = namespace in namespaces
        case ["system", "serviceaccount", namespace, account] if kind == "User":
            own = namespace in namespaces and account != AGENT_ACCOUNT
        case _:
            own = False
    return "" if own else f"is {kind} {name}"


def _texts(value: Json) -> tuple[str, ...]:
    """The items of a list as texts; a single value counts as a list of one."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(str(each) for each in items)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Json) -> tuple[Mapping[str, Json], ...]:
    items = value if isinstance(value, list) else []
    return tuple(each for each in items if isinstance(each, dict))
