"""The order in which objects of one unit are applied, so that each finds what it refers to."""

from collections.abc import Mapping

from planners.model import Json
from renderers.kubernetes.kinds import BUILT_IN, Scope
from renderers.kubernetes.metadata import group_of, identity_of

_RBAC = "rbac.authorization.k8s.io"
_PHASES: tuple[tuple[tuple[str, str], ...], ...] = (
    (("", "Namespace"),),
    (("apiextensions.k8s.io", "CustomResourceDefinition"),),
    (("", "ServiceAccount"), (_RBAC, "ClusterRole"), (_RBAC, "Role")),
    ((_RBAC, "ClusterRoleBinding"), (_RBAC, "RoleBinding")),
    (
        *(("", "LimitRange"), ("", "ResourceQuota"), ("", "ConfigMap"), ("", "Secret")),
        *(("", "PersistentVolume"), ("", "PersistentVolumeClaim")),
        *(("networking.k8s.io", "NetworkPolicy"), ("", "Service")),
    ),
)
_ORDER = {kind: phase for phase, kinds in enumerate(_PHASES) for kind in kinds}
_WORKLOADS = len(_PHASES)
_CUSTOM = _WORKLOADS + 1
_ADMISSION = _CUSTOM + 1

DEFINITIONS = 1
"""The phase of CustomResourceDefinitions: what follows waits until they are established."""


def phase_of(group: str, kind: str) -> int:
    """When objects of a kind are applied: those of a lower phase come first.

    Namespaces, definitions of kinds, accounts and roles, their bindings, configuration, workloads,
    custom resources. What intercepts requests comes last: its own service is there by then.
    """
    if group == "admissionregistration.k8s.io":
        return _ADMISSION
    known = BUILT_IN.get((group, kind))
    if known is None:
        return _CUSTOM
    cluster_wide = _WORKLOADS - 1 if known.scope is Scope.CLUSTER else _WORKLOADS
    return _ORDER.get((group, kind), cluster_wide)


def apply_key(item: Mapping[str, Json]) -> tuple[int, str, str, str, str]:
    """The sort key of an object: its phase, then its identity."""
    found = identity_of(item)
    phase = phase_of(group_of(item), found.kind)
    return phase, found.group, found.kind, found.namespace, found.name
