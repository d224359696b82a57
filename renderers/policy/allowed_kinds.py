"""Rejects objects of kinds, namespaces and names that a tenant may not write.

A kind that is in no table is refused: nobody knows what its controller does with it. The platform
team allows it by name, or the application defines it itself as a namespaced kind.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from planners.model import Json, Tenant
from renderers.kubernetes.fields import mapping
from renderers.kubernetes.kinds import (
    AGENT_ACCOUNT,
    Kind,
    Scope,
    is_allowed,
    is_forbidden,
    is_missing,
    is_platform_group,
    is_reserved_name,
    kind_of,
)
from renderers.kubernetes.metadata import name_of, namespace_of
from renderers.policy.agent_metadata import is_agent_kind

NO_SUCH_KIND = "is of a kind that Kubernetes does not have"
DefinedKinds = frozenset[tuple[str, str]]

_RESERVED_NAME_KINDS = frozenset(
    {
        "ClusterNetworkPolicy",
        "ClusterRole",
        "ClusterRoleBinding",
        "NetworkPolicy",
        "Role",
        "RoleBinding",
        "ServiceAccount",
    }
)
_WHY = {
    Scope.CLUSTER: "is cluster-scoped",
    Scope.GUARDED: "is reserved for the platform",
    Scope.UNKNOWN: "is of a kind that Switchyard does not know",
}


def permission(entry: str, tenant: Tenant) -> str:
    """Who can allow something, and how."""
    return (
        f"the platform team can allow it in the fleet repo: add {entry} to kinds.allowed of tenant "
        f"{tenant.name}"
    )


def defined_kinds(objects: Iterable[Mapping[str, Json]]) -> DefinedKinds:
    """Group and kind of each CustomResourceDefinition that is namespaced wherever it is defined.

    A definition in a group of Kubernetes or of a platform controller does not count: the cluster's
    own definition would apply.
    """
    scopes: dict[tuple[str, str], set[Json]] = {}
    for item in objects:
        if item.get("kind") == "CustomResourceDefinition":
            spec = mapping(item.get("spec"))
            key = (str(spec.get("group")), str(mapping(spec.get("names")).get("kind")))
            scopes.setdefault(key, set()).add(str(spec.get("scope")))
    return frozenset(
        key
        for key, found in scopes.items()
        if found == {"Namespaced"} and not is_platform_group(key[0])
    )


def may_write(kind: Kind, tenant: Tenant, defined: DefinedKinds) -> bool:
    """Whether the tenant may write objects of a kind."""
    if is_agent_kind(kind) or is_forbidden(kind, tenant.forbidden_kinds):
        return False
    if kind.scope is Scope.UNKNOWN and (kind.group, kind.name) in defined:
        return True
    return kind.scope is Scope.OPEN or is_allowed(kind, tenant.allowed_kinds)


def signed_violations(item: Mapping[str, Json]) -> Iterator[str]:
    """What not even a signature of the platform team permits."""
    kind = kind_of(item)
    if is_agent_kind(kind):
        yield (
            f"controls the cluster's agent ({kind.group}); only Switchyard may write it, and no "
            f"policy can allow it"
        )
    if kind.name in _RESERVED_NAME_KINDS and is_reserved_name(name_of(item)):
        yield (
            f"has a name reserved for Switchyard's own objects; choose one that does not start "
            f"with {AGENT_ACCOUNT}"
        )


def kind_violations(
    item: Mapping[str, Json], tenant: Tenant, defined: DefinedKinds
) -> Iterator[str]:
    """Whether the tenant may write this kind, into this namespace, with this name."""
    kind = kind_of(item)
    if is_forbidden(kind, tenant.forbidden_kinds):
        yield f"is of a kind that tenant {tenant.name} must not write (its kinds.forbidden)"
    elif is_missing(kind) and not may_write(kind, tenant, defined):
        yield NO_SUCH_KIND
    elif not is_agent_kind(kind) and not may_write(kind, tenant, defined):
        own = (
            ", or include its namespaced CustomResourceDefinition in the application"
            if kind.scope is Scope.UNKNOWN and not is_platform_group(kind.group)
            else ""
        )
        yield f"{_WHY[kind.scope]}; {permission(str(kind), tenant)}{own}"
    yield from signed_violations(item)
    yield from _namespace(item, kind, tenant.name, tenant.all_namespaces)
    if isinstance(item.get("items"), list):
        yield (
            "contains other objects (items), which agents would apply unchecked; write each "
            "separately"
        )
    if mapping(item.get("metadata")).get("generateName") is not None:
        yield "has metadata.generateName, so every apply would create another; set metadata.name"


def _namespace(
    item: Mapping[str, Json], kind: Kind, tenant: str, namespaces: Collection[str]
) -> Iterator[str]:
    name, namespace, own = name_of(item), namespace_of(item), ", ".join(namespaces)
    if kind.scope is not Scope.CLUSTER and namespace not in {None, *namespaces}:
        yield (
            f"is in namespace {namespace}; tenant {tenant} may write only to {own}: remove "
            f"metadata.namespace"
        )
    if (kind.group, kind.name) == ("", "Namespace") and name not in namespaces:
        yield (
            f"is not a namespace of tenant {tenant}, which has {own}: leave it out, or have the "
            f"platform team add it to spec.namespaces of the tenant in the fleet repo"
        )
