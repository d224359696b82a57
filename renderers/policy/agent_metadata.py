"""Rejects kinds and metadata that control agents and controllers; only Switchyard configures those.

An object that its agent skips, never prunes or never checks would count as ready without running;
one with an owner or a foreign finalizer would not follow its rollout. Sources: the references of
Flux (Kustomization), Argo CD (sync options, resource hooks), Config Sync, Fleet and Helm (chart
hooks), and Kubernetes documentation, "Finalizers" and "Owners and Dependents".
"""

from collections.abc import Iterator, Mapping

from planners.model import Json
from renderers.kubernetes.fields import Field, fields, mapping, path_text
from renderers.kubernetes.kinds import BUILT_IN, Kind, kind_of

_AGENT_GROUPS = (
    *("fluxcd.io", "fluxcd.controlplane.io", "configsync.gke.io", "configmanagement.gke.io"),
    *("fleet.cattle.io", "helm.cattle.io", "k3s.cattle.io", "clusterconfig.azure.com"),
    "argocd-image-updater.argoproj.io",
)
_ARGO = frozenset({"AppProject", "Application", "ApplicationSet", "ArgoCD"})
_AGENT = "controls the cluster's agent"
_KUSTOMIZE = "is internal to kustomize and may rename objects or run programs"
_PREFIXES = {
    "argocd.argoproj.io/": _AGENT,
    "client.lifecycle.config.k8s.io/": _AGENT,
    "config.k8s.io/function": _KUSTOMIZE,
    "config.kubernetes.io/function": _KUSTOMIZE,
    "config.kubernetes.io/local-config": "prevents the object from being applied",
    "configmanagement.gke.io/": _AGENT,
    "configsync.gke.io/": _AGENT,
    "fleet.cattle.io/": _AGENT,
    "helm.sh/hook": "turns the object into a hook, which agents do not watch",
    "internal.config.kubernetes.io/": _KUSTOMIZE,
    "kustomize.config.k8s.io/": _KUSTOMIZE,
    "kubectl.kubernetes.io/last-applied-configuration": "is written by kubectl and may hold values",
    "objectset.rio.cattle.io/": _AGENT,
    "switchyard.dev/": "is reserved for Switchyard",
}
_SIGNABLE_PREFIXES = {
    "admission.gatekeeper.sh/": "exempts a namespace from policies",
    "helm.sh/resource-policy": "keeps the object when its release is uninstalled",
    "pod-security.kubernetes.io/": "sets the Pod Security level of a namespace",
    "resource.kubernetes.io/admin-access": "gives access to devices of other namespaces",
}
"""What the platform team may sign: it is about the object itself, not about what applies it."""

_FLUX = "fluxcd.io"
ALLOWED_KEYS = frozenset({"argocd.argoproj.io/sync-wave", "kustomize.toolkit.fluxcd.io/substitute"})
"""The first orders an application's own objects; the second stops Flux from replacing `${...}`."""


def is_agent_kind(kind: Kind) -> bool:
    """Whether objects of that kind configure what an agent applies, and as whom."""
    if kind.group == "argoproj.io":
        return kind.name in _ARGO
    return is_agent_group(kind.group)


def is_agent_group(group: str) -> bool:
    """Whether all kinds of an API group belong to an agent."""
    return any(group == each or group.endswith(f".{each}") for each in _AGENT_GROUPS)


def metadata_violations(item: Mapping[str, Json], *, signed: bool = False) -> Iterator[str]:
    """Which metadata would change how agents and controllers treat the object.

    `signed` is whether the platform team has signed the object.

    In custom kinds the metadata of templates counts as well: controllers make objects from them.
    """
    metadata = item.get("metadata")
    if not isinstance(metadata, dict):
        return
    kind = kind_of(item)
    for field in fields(dict(item)):
        own = field.path[:-1] == ("metadata",)
        template = (kind.group, kind.name) not in BUILT_IN
        if field.path[-1] in {"annotations", "labels"} and (own or template):
            place = "" if own else f" at {path_text(field.path)}"
            yield from _keys(field, place, {} if signed else _SIGNABLE_PREFIXES)
    if metadata.get("ownerReferences"):
        yield (
            "has metadata.ownerReferences, so Kubernetes would delete it with its owner; remove "
            "metadata.ownerReferences"
        )
    finalizers = metadata.get("finalizers")
    for each in finalizers if isinstance(finalizers, list) else []:
        if not str(each).startswith("kubernetes.io/"):
            yield (
                f"has finalizer {each}: its deletion would wait for a controller that may not run; "
                f"remove it, controllers add their own finalizers"
            )


def _keys(field: Field, place: str, more: Mapping[str, str]) -> Iterator[str]:
    for key in sorted(mapping(field.value)):
        reason = _reason(key, more)
        if reason:
            yield f"has {str(field.path[-1])[:-1]} {key}{place}, which {reason}; remove it"


def _reason(key: str, more: Mapping[str, str]) -> str:
    if key in ALLOWED_KEYS:
        return ""
    domain = key.partition("/")[0]
    if domain == _FLUX or domain.endswith(f".{_FLUX}"):
        return _AGENT
    return next(
        (why for prefix, why in {**_PREFIXES, **more}.items() if key.startswith(prefix)), ""
    )
