"""Roles and bindings of a tenant: none may grant more than the tenant has.

Source: Kubernetes documentation, "Role Based Access Control Good Practices" (privilege escalation
risks) and "Using RBAC Authorization" (aggregation, default roles). Kubernetes' own check against
escalation stays behind this one: the agent grants nothing that it does not hold.
"""

from collections.abc import Collection, Iterator, Mapping

from planners.model import Json
from renderers.kubernetes.kinds import AGENT

SHARED_ROLES = ("view", "edit")
_BUILT_IN = frozenset({"cluster-admin", "admin", "edit", "view"})
_VERBS = frozenset({"bind", "escalate", "impersonate"})
_NEVER = {
    "nodes/proxy": "reaches every pod of a node",
    "certificatesigningrequests/approval": "signs certificates for anybody",
    "serviceaccounts/token": "makes tokens of other accounts",
}
_OWN_NAMESPACE = frozenset(
    {"secrets", "pods/attach", "pods/ephemeralcontainers", "pods/exec", "pods/portforward"}
    | {"pods/proxy", "services/proxy"}
)
_AGGREGATES = "rbac.authorization.k8s.io/aggregate-to-"


def right_violations(item: Mapping[str, Json], namespaces: Collection[str]) -> Iterator[str]:
    """What a Role, ClusterRole or binding grants too much; `namespaces` are the tenant's."""
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
            yield f"grants too much: {place}.{field} has a wildcard; name each one"
    for verb in sorted(_VERBS.intersection(_texts(rule.get("verbs")))):
        yield f"grants too much: {place}.verbs has {verb}, with which rights can be extended"
    for resource in _texts(rule.get("resources")):
        if resource in _NEVER:
            yield f"grants too much: {place}.resources has {resource}, which {_NEVER[resource]}"
        elif everywhere and resource in _OWN_NAMESPACE:
            yield (
                f"grants too much: {place}.resources has {resource} in all namespaces; write a "
                f"Role, which grants it in one"
            )


def _aggregation(item: Mapping[str, Json]) -> Iterator[str]:
    if item.get("aggregationRule") is not None:
        yield "grants too much: aggregationRule takes in rules of others; write its rules out"
    labels = _mapping(_mapping(item.get("metadata")).get("labels"))
    for label in sorted(labels):
        if label.startswith(_AGGREGATES):
            yield f"grants too much: label {label} adds its rules to a role of everybody"


def _role(reference: Mapping[str, Json], *, everywhere: bool) -> Iterator[str]:
    kind, name = reference.get("kind"), str(reference.get("name"))
    if everywhere:
        if name in _BUILT_IN or name.startswith("system:"):
            yield f"binds ClusterRole/{name} in all namespaces; bind a ClusterRole of your own"
    elif kind == "Role":
        if name == AGENT:
            yield f"binds Role/{name}, which is the agent's; write a Role of your own"
    elif kind != "ClusterRole" or name not in SHARED_ROLES:
        yield (
            f"binds {kind}/{name}; a tenant binds its own Roles, or ClusterRole "
            f"{' or '.join(SHARED_ROLES)}"
        )


def _subject(subject: Mapping[str, Json], namespaces: Collection[str]) -> str:
    """What is wrong with a subject; nothing when it may be bound."""
    kind, name = subject.get("kind"), str(subject.get("name"))
    if kind == "ServiceAccount":
        namespace = subject.get("namespace")
        if namespace not in namespaces:
            return f"is a service account of namespace {namespace}"
        return "is the agent's service account" if name == AGENT else ""
    if kind not in {"User", "Group"}:
        return f"is of kind {kind}; write ServiceAccount, User or Group"
    if not name.startswith("system:"):
        return ""
    match name.split(":"):
        case ["system", "serviceaccounts", namespace] if kind == "Group":
            own = namespace in namespaces
        case ["system", "serviceaccount", namespace, account] if kind == "User":
            own = namespace in namespaces and account != AGENT
        case _:
            own = False
    return "" if own else f"is {kind} {name}"


def _texts(value: Json) -> tuple[str, ...]:
    """The texts of a list; a single value counts as a list of it."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(str(each) for each in items)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Json) -> tuple[Mapping[str, Json], ...]:
    items = value if isinstance(value, list) else []
    return tuple(each for each in items if isinstance(each, dict))
