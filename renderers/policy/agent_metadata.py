"""What steers agents and controllers from inside an object; in a deploy repo, Switchyard does.

An object that its agent skips, never prunes or never checks would count as ready without running;
one that another claims or that nobody may remove outlives its rollout. Sources: the references of
Flux (Kustomization), Argo CD (sync options, resource hooks), Config Sync, Fleet and Helm (chart
hooks), and Kubernetes documentation, "Finalizers" and "Owners and Dependents".
"""

from collections.abc import Iterator, Mapping

from planners.model import Json
from renderers.kubernetes.kinds import Kind

_AGENT_GROUPS = (
    *("toolkit.fluxcd.io", "fluxcd.controlplane.io", "configsync.gke.io"),
    *("configmanagement.gke.io", "fleet.cattle.io", "helm.cattle.io", "clusterconfig.azure.com"),
)
_ARGO = frozenset({"AppProject", "Application", "ApplicationSet", "ArgoCD"})
_AGENT = "steers the cluster's agent"
_KUSTOMIZE = "is kustomize's own and may rename or run things"
_PREFIXES = {
    "argocd.argoproj.io/": _AGENT,
    "client.lifecycle.config.k8s.io/": _AGENT,
    "config.k8s.io/function": _KUSTOMIZE,
    "config.kubernetes.io/function": _KUSTOMIZE,
    "config.kubernetes.io/local-config": "keeps the object from being applied",
    "configmanagement.gke.io/": _AGENT,
    "configsync.gke.io/": _AGENT,
    "fleet.cattle.io/": _AGENT,
    "helm.sh/hook": "makes it a hook, which agents do not watch",
    "helm.sh/resource-policy": "keeps the object when its chart goes",
    "internal.config.kubernetes.io/": _KUSTOMIZE,
    "kustomize.config.k8s.io/": _KUSTOMIZE,
    "kubectl.kubernetes.io/last-applied-configuration": "is kubectl's own and may hold values",
    "objectset.rio.cattle.io/": _AGENT,
    "pod-security.kubernetes.io/": "sets the security level of a namespace",
    "resource.kubernetes.io/admin-access": "opens the devices of other namespaces",
    "switchyard.dev/": "is Switchyard's own",
}
_FLUX = "fluxcd.io"
HARMLESS = frozenset({"argocd.argoproj.io/sync-wave", "kustomize.toolkit.fluxcd.io/substitute"})
"""Orders an application's own objects; keeps Flux from replacing `${...}` in one."""


def steers_agent(kind: Kind) -> bool:
    """Whether objects of that kind tell an agent what to apply, and as whom."""
    if kind.group == "argoproj.io":
        return kind.name in _ARGO
    return kind.group.endswith(_AGENT_GROUPS)


def steering_violations(item: Mapping[str, Json]) -> Iterator[str]:
    """Which parts of the metadata take the object out of Switchyard's hands."""
    metadata = item.get("metadata")
    if not isinstance(metadata, dict):
        return
    for field in ("annotations", "labels"):
        keys = metadata.get(field)
        for key in sorted(keys) if isinstance(keys, dict) else []:
            reason = _reason(key)
            if reason:
                yield f"has {field[:-1]} {key}, which {reason}; remove it"
    if metadata.get("ownerReferences"):
        yield (
            "names an owner (metadata.ownerReferences), with which Kubernetes would delete it; "
            "remove it"
        )
    finalizers = metadata.get("finalizers")
    for each in finalizers if isinstance(finalizers, list) else []:
        if not str(each).startswith("kubernetes.io/"):
            yield (
                f"has finalizer {each}: its removal would wait for a controller that may not run; "
                f"remove it, controllers add their own"
            )


def _reason(key: str) -> str:
    if key in HARMLESS:
        return ""
    domain = key.partition("/")[0]
    if domain == _FLUX or domain.endswith(f".{_FLUX}"):
        return _AGENT
    return next((why for prefix, why in _PREFIXES.items() if key.startswith(prefix)), "")
