"""Rejects references to namespaces of others, by a general rule that no list of kinds limits.

In any object, a key that names namespaces (`namespace`, `namespaces`, `targetNamespace`,
`namespaceSelector`, ...) must name the tenant's own. `PERMITTED` lists the exceptions.
Sources: the API references of Kubernetes, Gateway API, Istio, Linkerd and the Prometheus operator.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from planners.model import Json, Tenant
from renderers.kubernetes.fields import Field, Path, fields, mapping, texts
from renderers.kubernetes.kinds import kind_of

_KEY = re.compile(
    r"[A-Za-z_-]*namespaces?(selectors?|names?|refs?|labels?|regex|patterns?)?", re.IGNORECASE
)
_QUALIFIED_KEYS = frozenset({"credentialName", "secretName"})
_LABEL_MAPS = frozenset(
    {"annotations", "commonAnnotations", "commonLabels", "labels", "matchLabels", "nodeSelector"}
)
_DATA = {
    ("", "ConfigMap"): ("data",),
    ("", "ReplicationController"): ("spec.selector",),
    ("", "Secret"): ("data", "stringData"),
    ("", "Service"): ("spec.selector",),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("spec.versions", "spec.validation"),
    ("bitnami.com", "SealedSecret"): ("spec.encryptedData", "spec.template.data"),
    ("external-secrets.io", "ExternalSecret"): ("spec.target.template.data",),
}
"""Mappings whose keys are data, labels or a schema, by kind."""

_NAME_LABEL = "kubernetes.io/metadata.name"
_GATEWAY_KINDS = frozenset({None, "Gateway"})


@dataclass(frozen=True, slots=True)
class Permitted:
    """References to other namespaces that a kind may make, and why they reach nothing."""

    group: str
    kinds: tuple[str, ...]
    paths: tuple[str, ...]
    reason: str


PERMITTED = (
    Permitted(
        "networking.k8s.io",
        ("NetworkPolicy",),
        (
            "spec.ingress[*].from[*].namespaceSelector",
            "spec.egress[*].to[*].namespaceSelector",
        ),
        "limits the traffic of the tenant's own pods; the other side has policies of its own",
    ),
    Permitted(
        "cilium.io",
        ("CiliumNetworkPolicy",),
        ("spec.egress[*].toServices[*].k8sService.namespace",),
        "limits the traffic of the tenant's own pods; the other side has policies of its own",
    ),
    Permitted(
        "security.istio.io",
        ("AuthorizationPolicy",),
        (
            "spec.rules[*].from[*].source.namespaces[*]",
            "spec.rules[*].from[*].source.notNamespaces[*]",
        ),
        "states who may call the tenant's own workloads",
    ),
    Permitted(
        "policy.linkerd.io",
        ("MeshTLSAuthentication",),
        ("spec.identityRefs[*].namespace",),
        "states who may call the tenant's own workloads",
    ),
    Permitted(
        "gateway.networking.k8s.io",
        ("GRPCRoute", "HTTPRoute", "TLSRoute"),
        ("spec.parentRefs[*].namespace",),
        "the Gateway's listeners decide which routes attach (allowedRoutes), and the route's hosts "
        "are checked; other kinds of parents are refused",
    ),
    Permitted(
        "gateway.networking.k8s.io",
        ("Gateway",),
        ("spec.listeners[*].allowedRoutes.namespaces",),
        "opens the tenant's own Gateway to others",
    ),
    Permitted(
        "rbac.authorization.k8s.io",
        ("ClusterRoleBinding", "RoleBinding"),
        ("subjects[*].namespace",),
        "is checked by its own rule: subjects are the tenant's",
    ),
)
_OWN_IF_EMPTY = frozenset({"PodMonitor", "ServiceMonitor"})
"""Kinds for which an empty namespaceSelector means their own namespace, not every one."""


def reference_violations(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """The fields that name namespaces of others, and what they may name."""
    own = tenant.all_namespaces
    for field in _references(dict(item), (), _data_of(item)):
        found = _foreign(field.value, own)
        if field.value == {} and item.get("kind") in _OWN_IF_EMPTY:
            continue
        if found is not None and not _is_permitted(item, field):
            yield (
                f"refers to {found} at {field}; tenant {tenant.name} may name only "
                f"{', '.join(own)}, which the platform team can extend in the fleet repo "
                f"(spec.namespaces of the tenant)"
            )
    yield from _qualified(item, own)


def _qualified(item: Mapping[str, Json], own: Collection[str]) -> Iterator[str]:
    """Secrets of others that some controllers take as `namespace/name`."""
    for field in fields(dict(item)):
        name = field.value if isinstance(field.value, str) else ""
        if field.path[-1] in _QUALIFIED_KEYS and "/" in name:
            namespace = name.rpartition("/")[0]
            if namespace not in own:
                yield (
                    f"refers to a Secret of namespace {namespace} at {field}; use one of "
                    f"{', '.join(own)}"
                )


def _data_of(item: Mapping[str, Json]) -> tuple[str, ...]:
    kind = kind_of(item)
    return _DATA.get((kind.group, kind.name), ())


def _references(value: Json, path: Path, data: Collection[str]) -> Iterator[Field]:
    """Every field with a key that names namespaces, outside labels and data."""
    children: list[tuple[str | int, Json]] = []
    if isinstance(value, dict):
        children = [*value.items()]
    elif isinstance(value, list):
        children = [*enumerate(value)]
    for key, child in children:
        field = Field((*path, key), child)
        if key in _LABEL_MAPS or field.path == ("metadata", "namespace") or str(field) in data:
            continue
        if isinstance(key, str) and _KEY.fullmatch(key):
            yield from _items(field)
        else:
            yield from _references(child, field.path, data)


def _items(field: Field) -> Iterator[Field]:
    if isinstance(field.value, list):
        yield from (Field((*field.path, n), each) for n, each in enumerate(field.value))
    elif field.value is not None:
        yield field


def _foreign(value: Json, own: Collection[str]) -> str | None:
    """What a value names beyond the tenant's namespaces; None if nothing."""
    if value is None or value is False:
        return None
    if isinstance(value, str):
        return None if value in own else f"namespace {value or '(empty)'}"
    if isinstance(value, dict):
        return _selected(value, own)
    return f"namespaces ({str(value).lower()})"


def _selected(selector: Mapping[str, Json], own: Collection[str]) -> str | None:
    """What a selector of namespaces selects beyond the tenant's; None if nothing.

    Label selectors, those of the Prometheus operator (`any`, `matchNames`), lists of `names` and
    references by `name`.
    """
    if selector.get("any") is True:
        return "every namespace"
    names = [name for key in ("matchNames", "names", "name") for name in texts(selector.get(key))]
    others = [name for name in names if name not in own]
    if others:
        return f"namespace {others[0]}"
    if names or dict(selector) in ({"any": False}, {"from": "Same"}):
        return None
    return None if _selects_own(selector, own) else "namespaces selected by labels"


def _selects_own(selector: Mapping[str, Json], own: Collection[str]) -> bool:
    """Whether a label selector can select only the tenant's namespaces, by their names."""
    if mapping(selector.get("matchLabels")).get(_NAME_LABEL) in own:
        return True
    expressions = selector.get("matchExpressions")
    return any(
        mapping(each).get("key") == _NAME_LABEL
        and mapping(each).get("operator") == "In"
        and set(texts(mapping(each).get("values"))) <= set(own)
        for each in (expressions if isinstance(expressions, list) else [])
    )


def _is_permitted(item: Mapping[str, Json], field: Field) -> bool:
    kind = kind_of(item)
    for each in PERMITTED:
        if each.group == kind.group and kind.name in each.kinds and field.pattern in each.paths:
            if "parentRefs" in field.path:
                return _parent_kind(item, field) in _GATEWAY_KINDS
            return True
    return False


def _parent_kind(item: Mapping[str, Json], field: Field) -> str | None:
    """The kind that the parentRef around a field of a route refers to."""
    parents = mapping(item.get("spec")).get("parentRefs")
    index = field.path[2]
    assert isinstance(parents, list)
    assert isinstance(index, int)
    kind = mapping(parents[index]).get("kind")
    return None if kind is None else str(kind)
